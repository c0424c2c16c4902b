"""What the kernels of the context model report, and where."""

__all__ = [
    "BAD_ESCAPE",
    "DONE",
    "LOWEST_STATE",
    "OUT_OF_RANGE",
    "POSITION",
    "STATE",
    "STATUS",
    "TOO_MANY_STEPS",
    "TRUNCATED",
]

STATE, POSITION, STATUS = range(3)
"""Places in `progress`: the coder's state; words read, or steps collected; a status."""

DONE, TRUNCATED, OUT_OF_RANGE, BAD_ESCAPE, TOO_MANY_STEPS = range(5)

LOWEST_STATE = 1 << 16
"""The state that encoding begins with, and decoding ends with."""
