"""Everything is killed at random while stations charge; afterwards their own journal is held against what is billed."""
