"""Sites, owners, creditors: where things stand and who gets what."""
