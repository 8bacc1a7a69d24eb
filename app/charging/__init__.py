"""Stations, sessions, authorisation, remote commands. Knows energy, never money."""
