"""Charge, bill, payment: what a session costs and how it is settled."""
