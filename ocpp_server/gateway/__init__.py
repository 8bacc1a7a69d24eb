"""The gateway of a house: between its stations and meters on the local network and the platform on the internet."""
