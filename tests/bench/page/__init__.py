"""What the pages cost on a phone."""
