"""Paths of requests: decoded once, in parts, and refused where a file system could misread them.

What is served is looked up by these parts in what the stores hold, and no path of a file is ever
made of them; the refusals come first, so that what is hostile is told so.
"""

from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from .problems import Problem

__all__ = ["parts_of"]

_LONGEST = 2048
_MOST_PARTS = 32


def parts_of(raw_path: bytes) -> tuple[str, ...]:
    """Return the parts of a path as it came, without the empty one after a last slash.

    Raises
    ------
    Problem
        400 where the path is none of a store's: ``..``, separators that were escaped, control
        characters, a URL in its place; 414 where it is too long.

    Examples
    --------
    >>> parts_of(b"/a%20slide.ome.zarr/0/zarr.json")
    ('a slide.ome.zarr', '0', 'zarr.json')
    >>> parts_of(b"/")
    ()
    """
    if len(raw_path) > _LONGEST:
        raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, f"the path has more than {_LONGEST} bytes")
    if not raw_path.startswith(b"/"):
        raise _refused("it does not begin with a slash")
    pieces = raw_path[1:].split(b"/")
    if pieces[-1] == b"":
        pieces.pop()
    if len(pieces) > _MOST_PARTS:
        raise _refused(f"it has more than {_MOST_PARTS} parts")
    return tuple(map(_part, pieces))


def _part(piece: bytes) -> str:
    try:
        text = unquote_to_bytes(piece).decode()
    except UnicodeDecodeError:
        raise _refused("a part of it is not UTF-8") from None
    if text in ("", ".", ".."):
        raise _refused(f"a part of it is {text!r}")
    if not text.isprintable() or {*text} & {"/", "\\"}:
        raise _refused("a part of it holds a separator or a control character")
    return text


def _refused(why: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, f"this is no path of a store: {why}")
