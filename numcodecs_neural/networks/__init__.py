"""Integer networks: description, bounds, backends."""
