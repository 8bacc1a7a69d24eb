"""What a house's relays switch: water heaters, heat pumps and the like, by the sun, by the clock, or by hand."""
