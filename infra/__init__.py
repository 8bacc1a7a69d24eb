"""Deployment: what runs Hofstrom on one machine or many."""
