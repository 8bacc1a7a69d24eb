"""A station with a good password and bad intentions, and how its neighbours fare meanwhile."""
