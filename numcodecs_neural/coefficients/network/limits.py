"""Limits and sizes of the layers of the context model."""

__all__ = ["ACTIVATION_LIMIT", "COLUMNS", "OUTPUT_LIMIT", "ROWS"]

ACTIVATION_LIMIT = 1023
"""Largest activation of a hidden layer."""
OUTPUT_LIMIT = 32767
"""Largest magnitude of an output, in 1/256."""

ROWS, COLUMNS = 4, 16
"""`layers.multiply` takes so many rows at once, and a multiple of so many columns."""
