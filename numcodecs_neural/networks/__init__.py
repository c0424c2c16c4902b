"""Integer networks: a list of layers with arrays, a proof of their bounds, and backends."""
