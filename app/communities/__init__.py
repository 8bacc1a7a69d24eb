"""Energy communities: members, their meters, and what they share."""
