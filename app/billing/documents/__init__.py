"""Documents as PDF: data in, the same bytes out, every time."""
