"""Logins, sign-in, roles, sessions, tokens."""
