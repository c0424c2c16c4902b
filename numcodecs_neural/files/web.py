"""WebFiles: files behind http and https, whose answers are checked before they pass for content.

fsspec's own class takes a whole file for the part that was asked for where a server ignores
ranges, and each failure to learn a size for a file that is not there.
"""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientTimeout
from fsspec.implementations.http import HTTPFileSystem

__all__ = ["WebFiles", "web_files"]

CONNECT_S, READ_S = 30, 60
"""How long a server may take to be reached, and to send more."""

_ABSENT = (404, 410)
_REFUSED = (401, 403, 407)
_OK, _PART, _BEHIND_THE_END, _TOO_MANY, _FAILED = 200, 206, 416, 429, 500
# Azure's blobs, for one, are not read from their end.
_NOT_FROM_THE_END = (400, 416, 501)
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


class WebFiles(HTTPFileSystem):  # type: ignore[misc]  # fsspec ships no types.
    """What fsspec reads of web servers: right, or an OSError that names the URL.

    A server that ignores ranges sends whole files. Of these the first bytes are taken where they
    were asked for, and all else is refused: each chunk of a shard would bring the whole shard.
    """

    def __init__(
        self, *args: Any, client_kwargs: dict[str, Any] | None = None, **more: Any
    ) -> None:
        # aiohttp's own limit is five minutes for the whole answer, however much arrives.
        timeout = ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S)
        super().__init__(*args, client_kwargs={"timeout": timeout} | (client_kwargs or {}), **more)

    async def _cat_file(
        self, url: str, start: int | None = None, end: int | None = None, **kwargs: Any
    ) -> bytes:
        if start is None and end is None:
            async with self._answer(url) as answer:
                return await answer.read()
        if start is not None and start < 0 and end is None:
            return await self._tail(url, -start)
        if start == end:
            return b""
        async with self._answer(url, await self._process_limits(url, start, end)) as answer:
            if answer.status == _BEHIND_THE_END:
                return b""
            if answer.status == _PART:
                return await _part(answer, slice(start, end))
            return await _part_of_whole(answer, slice(start, end))

    async def _tail(self, url: str, nbytes: int) -> bytes:
        """Return the last bytes of a file, in one request where the server counts from the end."""
        async with self._answer(url, f"bytes=-{nbytes}", also=_NOT_FROM_THE_END) as answer:
            if answer.status == _PART:
                return await _part(answer, slice(-nbytes, None))
        size = (await self._info(url))["size"]
        content: bytes = await self._cat_file(url, max(size - nbytes, 0), size)
        return content

    async def _info(self, url: str, **kwargs: Any) -> dict[str, Any]:
        # No HEAD: signed URLs allow one method only, and some servers know but GET.
        async with self._answer(url, "bytes=0-0") as answer:
            if answer.status == _OK:
                nbytes = answer.content_length
            else:
                _, nbytes = _content_range(answer)
        if nbytes is None:
            raise OSError(f"{url}: the server does not say how large the file is")
        return {"name": url, "size": nbytes, "type": "file"}

    @asynccontextmanager
    async def _answer(
        self, url: str, part: str | None = None, *, also: tuple[int, ...] = ()
    ) -> AsyncIterator[ClientResponse]:
        """Yield an answer whose status is a good one, or `also` one; all else is an OSError."""
        options: dict[str, Any] = dict(self.kwargs)
        if part is not None:
            # A range of a compressed answer would be one of other bytes.
            wanted = {"Range": part, "Accept-Encoding": "identity"}
            options["headers"] = {**options.get("headers", {}), **wanted}
        try:
            session = await self.set_session()
            async with session.get(self.encode_url(url), **options) as answer:
                if answer.status not in also:
                    _check_status(answer, url)
                yield answer
        except TimeoutError as exc:
            raise OSError(f"{url}: the server does not answer: try again later") from exc
        except ClientError as exc:
            raise OSError(f"{url} cannot be reached: {exc}: try again later") from exc


def web_files() -> WebFiles:
    """Return the one of this process, which all threads share with its connections."""
    return _web_files(os.getpid())


@lru_cache(maxsize=1)
def _web_files(process: int) -> WebFiles:
    # fsspec's own cache has one for each thread.
    return WebFiles(skip_instance_cache=True)


def _check_status(answer: ClientResponse, url: str) -> None:
    status = answer.status
    if status in (_OK, _PART, _BEHIND_THE_END):
        return
    if status in _ABSENT:
        raise FileNotFoundError(url)
    said = f"{status} {answer.reason or ''}".strip()
    if status in _REFUSED:
        raise OSError(
            f"{url}: the server refuses it ({said}): ask for access; object stores answer so for "
            "absent files, too, to those who may not list them"
        )
    if status >= _FAILED or status == _TOO_MANY:
        raise OSError(f"{url}: the server fails ({said}): try again later")
    raise OSError(f"{url}: the server answers {said}, and a file is expected")


async def _part(answer: ClientResponse, wanted: slice) -> bytes:
    """Return the content of an answer that says which part of the file it is."""
    content = await answer.read()
    found, total = _content_range(answer)
    expected = None if found is None else wanted.indices(total or found[1])[:2]
    if found is None or found != expected or len(content) != found[1] - found[0]:
        raise OSError(
            f"{answer.url}: the server sends {len(content)} bytes as "
            f"{answer.headers.get('Content-Range')!r}, which is not the range that was asked for: "
            "have it mended, or copy the store"
        )
    return content


async def _part_of_whole(answer: ClientResponse, wanted: slice) -> bytes:
    """Return a part of an answer that is the whole file, if it is its beginning or all of it."""
    nbytes = answer.content_length
    if nbytes is not None and wanted.indices(nbytes)[:2] == (0, nbytes):
        return await answer.read()
    if wanted.stop is None or wanted.start:
        raise OSError(
            f"{answer.url}: the server ignores range requests and sends all of the file, of which "
            "a part is needed: serve the store by a server that knows them (nginx, Apache, an "
            "object store, numcodecs-neural serve), or copy it here"
        )
    content = b""
    while len(content) < wanted.stop:
        more = await answer.content.read(wanted.stop - len(content))
        if not more:
            break
        content += more
    return content


def _content_range(answer: ClientResponse) -> tuple[tuple[int, int] | None, int | None]:
    """Return start and stop of the part that an answer says it is, and the size of the file."""
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if match is None:
        return None, None
    first, last, total = match.groups()
    return (
        None if first is None else (int(first), int(last) + 1),
        None if total == "*" else int(total),
    )
