"""Training of the networks and their export to integers."""
