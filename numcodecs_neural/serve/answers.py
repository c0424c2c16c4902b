"""Answers to requests of data: conditions, ranges, and bodies that are sent piece by piece."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .problems import Problem

__all__ = ["Content", "Part", "answer", "not_modified"]

# At a time: what a client that reads slowly has the server keep for it is little more.
_PIECE_NBYTES = 256 * 1024
_RANGE = re.compile(r"bytes=\s*(\d{0,20})\s*-\s*(\d{0,20})\s*")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a body: its size, and what makes its bytes when they are to be sent."""

    nbytes: int
    load: Callable[[], Awaitable[bytes]]

    @classmethod
    def of(cls, data: bytes) -> "Part":
        """Return the part whose bytes are there."""

        async def load() -> bytes:
            return data

        return cls(len(data), load)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a URL stands for.

    Parameters
    ----------
    parts : sequence of Part
        One after another.
    media_type : str
    etag : str
        In its quotes.
    """

    parts: tuple[Part, ...]
    media_type: str
    etag: str

    @property
    def nbytes(self) -> int:
        """Size of all parts."""
        return sum(part.nbytes for part in self.parts)


def not_modified(request: Request, etag: str) -> Response | None:
    """Return the answer 304 to a client that has these bytes already; None for all others."""
    held = request.headers.get("if-none-match")
    if held is None:
        return None
    tags = {tag.strip().removeprefix("W/") for tag in held.split(",")}
    if etag not in tags and held.strip() != "*":
        return None
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_headers(etag))


async def answer(request: Request, content: Content) -> Response:
    """Return all of a content, or the range of it that was asked for.

    Raises
    ------
    Problem
        416 if there is no such range, or more than one is asked for at a time; what makes the
        first part may raise another.
    """
    part = _asked(request, content)
    start, stop = part or (0, content.nbytes)
    headers = _headers(content.etag) | {"Content-Length": str(stop - start)}
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.nbytes}"
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    kind: dict[str, Any] = {
        "status_code": status,
        "headers": headers,
        "media_type": content.media_type,
    }
    if request.method == "HEAD":
        return Response(**kind)
    spans = _spans(content.parts, start, stop)
    # The first one now: while the status can still say that it failed.
    return _Streamed(_pieces(spans, await _first(spans)), **kind)


class _Streamed(Response):
    """An answer that is sent piece by piece.

    Starlette's own has a task wait for the client to leave, which costs more than all else that is
    done for a small answer; here who decodes a part asks whether the client is there.
    """

    def __init__(self, pieces: AsyncIterator[memoryview], **kind: Any) -> None:
        super().__init__(**kind)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **head})
        async for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


_Span = tuple[Part, int, int]


def _spans(parts: Iterable[Part], start: int, stop: int) -> list[_Span]:
    """Return the parts that a range touches, and what of each is in it."""
    spans, begin = [], 0
    for part in parts:
        low, high = max(start - begin, 0), min(stop - begin, part.nbytes)
        if low < high:
            spans.append((part, low, high))
        begin += part.nbytes
    return spans


async def _first(spans: list[_Span]) -> bytes:
    return await spans[0][0].load() if spans else b""


async def _pieces(spans: list[_Span], first: bytes) -> AsyncIterator[memoryview]:
    for number, (part, low, high) in enumerate(spans):
        data = memoryview(await part.load() if number else first)[low:high]
        for at in range(0, len(data), _PIECE_NBYTES):
            yield data[at : at + _PIECE_NBYTES]


def _asked(request: Request, content: Content) -> tuple[int, int] | None:
    """Return the range that was asked for; None if none was, or one of other bytes than these."""
    asked = request.headers.get("range", "").strip()
    unless = request.headers.get("if-range")
    if not asked.startswith("bytes=") or (unless is not None and unless != content.etag):
        return None
    found = _RANGE.fullmatch(asked)
    if "," in asked:
        raise _unsatisfiable(content, "one range at a time is sent")
    if found is None or not (found[1] or found[2]):
        raise _unsatisfiable(content, f"{asked[:80]!r} is no range of bytes")
    if not found[1]:
        start, stop = max(content.nbytes - int(found[2]), 0), content.nbytes
    else:
        start = int(found[1])
        stop = min(int(found[2]) + 1, content.nbytes) if found[2] else content.nbytes
    if not start < stop:
        raise _unsatisfiable(content, f"there are {content.nbytes} bytes, and none in this range")
    return start, stop


def _unsatisfiable(content: Content, text: str) -> Problem:
    headers = {"Content-Range": f"bytes */{content.nbytes}"}
    return Problem(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, text, headers)


def _headers(etag: str) -> dict[str, str]:
    # Asked again each time, which costs no decoding: a store may be written anew under its name.
    return {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "no-cache"}
