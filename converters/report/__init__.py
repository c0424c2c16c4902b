"""HTML report of a batch: numbers, settings and pictures of each slide in one file."""
