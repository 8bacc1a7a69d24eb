"""The sharing of solar energy, measured against polars and duckdb."""
