"""Balanced postings; knows nothing of cars or flats."""
