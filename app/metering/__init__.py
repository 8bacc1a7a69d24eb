"""Meters, readings, registers: what was measured, in integer watt-hours."""
