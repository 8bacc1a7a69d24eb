"""Energy communities."""
