"""Hofstrom: charging stations and energy bills for apartment houses."""
