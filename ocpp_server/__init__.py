"""The stations: a listener that answers nothing before its commit."""
