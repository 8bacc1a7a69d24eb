"""What the web needs to know of accounts: who asks, may they, and how errors look."""
