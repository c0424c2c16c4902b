"""Numbers that the kernels of the context model share with those who call them."""

__all__ = [
    "BAD_ESCAPE",
    "BIT",
    "BITS_LEFT",
    "COUNT",
    "DONE",
    "EDGES",
    "ENERGY_LIMIT",
    "ENTRIES",
    "HIDDEN_LIMIT",
    "INDEXES",
    "KNOWN_LIMIT",
    "LANES",
    "MARGIN",
    "ROW",
    "STATUS",
    "TRUNCATED",
    "WORD",
    "WORDS_LEFT",
]

MARGIN = 32
"""Zeros of `known` and `energy` before and behind those of the blocks, which loads of 16 touch."""

KNOWN_LIMIT, ENERGY_LIMIT, HIDDEN_LIMIT = 63, 255, 16383
INDEXES = 64

ENTRIES, ROW = 16, 32
"""Entries of a symbol table, and numbers of it with what stands behind them: a cache line."""

EDGES = 4
"""Numbers of a block and axis: its own edges, what the blocks below and to the right are told of
its edges, and its constant part."""

LANES = 8
"""States that take turns in a stream."""

DONE, TRUNCATED, BAD_ESCAPE = 0, 1, 2
"""How decoding ended."""

COUNT, WORD, BIT, STATUS, WORDS_LEFT, BITS_LEFT = range(6)
"""Where the decoder is: symbols, words and bits that it took; how it ended; what there was."""
