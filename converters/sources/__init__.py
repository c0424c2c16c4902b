"""Slide sources: one protocol, one file a reader library."""
