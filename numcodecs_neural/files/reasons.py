"""Reasons of failures, as texts for a reader: those of libraries, and not those of Python."""

import struct

__all__ = ["DAMAGED", "reason_of"]

DAMAGED = (
    "it is damaged, or written in a way that is not known here: copy it again, or save it anew"
)
# What code runs into that trusts a damaged file: a list that is too short, a None, a wrong type.
_OF_PYTHON = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, NameError, RecursionError),
    *(StopIteration, TypeError, UnicodeError, struct.error),
)


def reason_of(error: Exception) -> str:
    """Return why a library failed, in one line.

    Python's own errors tell of variables and not of files: `DAMAGED` stands in their place.

    Examples
    --------
    >>> reason_of(RuntimeError("the checksum of block 7 differs"))
    'the checksum of block 7 differs'
    >>> reason_of(IndexError("list index out of range")) == DAMAGED
    True
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    # Of its subclasses, libraries have errors with texts of their own.
    if isinstance(error, _OF_PYTHON) or type(error) is ValueError:
        return DAMAGED
    if isinstance(error.__cause__, StopIteration):  # in a generator, it becomes a RuntimeError
        return DAMAGED
    return " ".join(str(error).split()) or DAMAGED
