"""What the kernels of the context model report, and where."""

__all__ = [
    "BAD_ESCAPE",
    "BIT",
    "BITS_LEFT",
    "COUNT",
    "DONE",
    "LOWEST_STATE",
    "OUT_OF_RANGE",
    "PLACES",
    "STATUS",
    "TRUNCATED",
    "WORD",
    "WORDS_LEFT",
]

COUNT, WORD, BIT, STATUS, WORDS_LEFT, BITS_LEFT, PLACES = range(7)
"""Places in `progress`: how many symbols and flags were coded; words and plain bits that were read
or written; a status; how many of these there are to read; and the number of places."""

DONE, TRUNCATED, OUT_OF_RANGE, BAD_ESCAPE = range(4)

LOWEST_STATE = 1 << 16
"""The state that encoding begins with, and decoding ends with."""
