"""Documents for owners."""
