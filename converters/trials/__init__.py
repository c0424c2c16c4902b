"""Estimates from a few coded chunks: size and time of a store, and codecs compared."""
