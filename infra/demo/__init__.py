"""The demo house: seed data and simulated stations."""
