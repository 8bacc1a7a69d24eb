"""Money, energy, calendar, errors, identifiers, settings: pure, imports nothing of ours."""
