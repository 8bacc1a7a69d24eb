"""People, their occupancy, their badges."""
