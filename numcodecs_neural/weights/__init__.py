"""Weights: the catalogue, the files, their digests."""
