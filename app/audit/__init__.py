"""Who changed what, when and why; and saving so that nobody overwrites another."""
