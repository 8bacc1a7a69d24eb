"""Bills, their documents and what the bank sends."""
