"""Status codes of kernels that read scans, since compiled code loses the class of exceptions."""

from numcodecs_neural.errors import JpegError, TruncatedJpegError

__all__ = [
    "BAD_CODE",
    "BAD_RUN",
    "DONE",
    "OUT_OF_RANGE",
    "SURPLUS_DATA",
    "TOO_MANY",
    "TRUNCATED",
    "raise_unless_done",
]

DONE, BAD_CODE, OUT_OF_RANGE, TOO_MANY, BAD_RUN, SURPLUS_DATA, TRUNCATED = range(7)
_TEXTS = {
    BAD_CODE: "a code that no table has, or that means nothing here",
    OUT_OF_RANGE: "a coefficient beyond 11 bits",
    TOO_MANY: "a coefficient beyond the last one of its block",
    BAD_RUN: "a run of blocks that passes the end of its restart interval",
    SURPLUS_DATA: "data left when all its blocks are read",
    TRUNCATED: "no data left before all its blocks are read",
}


def raise_unless_done(status: int, scan: int, unit: int, columns: int) -> None:
    """Raise the error of a status, which says in which minimum coded unit reading stopped."""
    if status == DONE:
        return
    error = TruncatedJpegError if status == TRUNCATED else JpegError
    row, column = divmod(unit, columns)
    raise error(
        f"scan {scan} of the JPEG stream, minimum coded unit at row {row}, column {column}: "
        f"{_TEXTS[status]}"
    )
