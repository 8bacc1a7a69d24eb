"""Embedded PostgreSQL and Valkey, and the supervisor behind `hofstrom up`."""
