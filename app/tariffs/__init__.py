"""Dated rate components, and the pure function that turns a session into price lines."""
