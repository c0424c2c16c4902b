"""Limits and sizes of the context model."""

__all__ = [
    "ACTIVATION_LIMIT",
    "FEATURE_LIMIT",
    "MOST_INPUTS",
    "MOST_OUTPUTS",
    "MOST_UNITS",
    "OUTPUT_LIMIT",
    "STATES_IN_TURN",
    "UNITS",
]

ACTIVATION_LIMIT = 1023
"""Largest activation of a hidden layer."""
OUTPUT_LIMIT = 32767
"""Largest magnitude of an output, in 1/256."""

UNITS = 4
"""`layers.add_layer` computes so many units at once."""

STATES_IN_TURN = 4
"""States of the coder, which take turns by symbol."""

MOST_INPUTS, MOST_UNITS, MOST_OUTPUTS = 256, 64, 40
"""Of a network: it has fewer outputs, and no more inputs or units in a layer."""

FEATURE_LIMIT = 2047
"""Largest magnitude of a dequantised coefficient that the model sees."""
