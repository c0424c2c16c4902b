"""Batches: jobs from paths and patterns, converted one after the other."""
