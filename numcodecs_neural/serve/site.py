"""Site: the stores by the paths of URLs, and the bytes behind each."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from hashlib import blake2b
from http import HTTPStatus
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from numcodecs_neural.errors import NeuralCodecError
from numcodecs_neural.files.reasons import reason_of

from .answers import Content, Part, answer, not_modified
from .arrays import Place, PlainArray
from .page import listing, page
from .problems import Problem
from .stores import ServedStore
from .work import AbandonedError, Work

__all__ = ["Site"]

T = TypeVar("T")
_JSON, _HTML, _BYTES = "application/json", "text/html; charset=utf-8", "application/octet-stream"
_LIST = "index.json"
# Nothing on the page is a script, or comes from elsewhere.
_PAGE_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


class Site:
    """What paths stand for.

    Parameters
    ----------
    stores : sequence of ServedStore
    unreadable : dict
        Of stores that could not be opened, by their names: why.
    work : Work
        Decodes.
    """

    def __init__(
        self, stores: Sequence[ServedStore], unreadable: dict[str, str], work: Work
    ) -> None:
        self._stores = {store.name: store for store in stores}
        self._unreadable, self._work = unreadable, work

    async def answer(self, request: Request, parts: tuple[str, ...]) -> Response:
        """Return the answer to a request of the path that these are the parts of.

        Raises
        ------
        Problem
            If it is no data.
        AbandonedError
            If the client has left.
        """
        if parts == (_LIST,):
            return await self._list_for_programs(request)
        if not parts:
            return await _page(request, list(self._stores.values()), self._unreadable)
        store = self._store(parts[0])
        if len(parts) == 1:
            return await _page(request, [store], {})
        failures = _Failures(store, "/".join(parts[1:]))
        return await failures.of(self._data(store, request, parts[1:], failures))

    def _store(self, name: str) -> ServedStore:
        if name in self._unreadable:
            raise Problem(HTTPStatus.INTERNAL_SERVER_ERROR, self._unreadable[name])
        if name not in self._stores:
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such store: / lists those there are")
        return self._stores[name]

    async def _list_for_programs(self, request: Request) -> Response:
        found = listing(list(self._stores.values()), self._unreadable, _base(request))
        return await _document(request, json.dumps(found, indent=1).encode(), _JSON)

    async def _data(
        self,
        store: ServedStore,
        request: Request,
        parts: tuple[str, ...],
        failures: "_Failures",
    ) -> Response:
        document = store.documents.get("/".join(parts))
        if document is not None:
            is_json = not parts[-1].endswith(".xml")
            return await _document(request, document, _JSON if is_json else "application/xml")
        array, place = _found(store, parts)
        etag = await asyncio.to_thread(array.etag, place)
        unchanged = not_modified(request, etag)
        if unchanged is not None:
            return unchanged
        look = _Look(self._work, array, f"{store.name}/{'/'.join(parts)}", etag, request, failures)
        body = await (look.shard(place) if array.has_shards else look.chunk(place))
        return await answer(request, Content(parts=body, media_type=_BYTES, etag=etag))


class _Look:
    """One request for chunks of an array."""

    def __init__(
        self,
        work: Work,
        array: PlainArray,
        path: str,
        etag: str,
        request: Request,
        failures: "_Failures",
    ) -> None:
        self._work, self._array, self._path, self._etag = work, array, path, etag
        self._request, self._failures = request, failures

    async def chunk(self, place: Place) -> tuple[Part, ...]:
        data = await self._bytes(partial(self._array.chunk, place), place)
        if data is None:
            raise _empty()
        return (Part.of(data),)

    async def shard(self, place: Place) -> tuple[Part, ...]:
        # Kept like chunks: clients come back for each chunk of a shard, which may lie far away.
        index = await self._bytes(partial(self._array.shard_index, place), None)
        if index is None:
            raise _empty()
        layout = self._array.shard_layout(place, index)
        return tuple(
            Part.of(layout.index) if inner is None else Part(nbytes, partial(self._inner, inner))
            for inner, nbytes in layout.sizes()
        )

    async def _inner(self, place: Place) -> bytes:
        make = partial(self._array.chunk_in_shard, place)
        # What fails here may do so after the answer has begun, so that only the log can say why.
        return await self._failures.of(self._bytes(make, place)) or b""

    async def _bytes(self, make: Callable[[], bytes | None], place: Place | None) -> bytes | None:
        key = (self._path, place, self._etag)
        return await self._work.bytes_of(key, make, self._request.is_disconnected)


class _Failures:
    """Turns what libraries raise into an answer, and a line on the screen."""

    def __init__(self, store: ServedStore, path: str) -> None:
        self._store, self._path = store, path

    async def of(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except (Problem, AbandonedError):
            raise
        except Exception as exc:
            why = str(exc) if isinstance(exc, NeuralCodecError) else reason_of(exc)
            text = f"{self._store.name}/{self._path} cannot be read: {' '.join(why.split())}"
            sys.stderr.write(f"{text}\n")
            told = text.replace(f"{self._store.location}: ", "")
            told = told.replace(self._store.location, self._store.name)
            raise Problem(HTTPStatus.INTERNAL_SERVER_ERROR, told) from exc


def _found(store: ServedStore, parts: tuple[str, ...]) -> tuple[PlainArray, Place]:
    found = store.array_at(parts)
    place = found[0].place_of(found[1]) if found is not None else None
    if found is None or place is None:
        raise Problem(HTTPStatus.NOT_FOUND, "the store has no such file")
    return found[0], place


def _empty() -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "this chunk is empty: it has the fill value everywhere")


async def _document(request: Request, data: bytes, media_type: str) -> Response:
    etag = f'"{blake2b(data, digest_size=16).hexdigest()}"'
    unchanged = not_modified(request, etag)
    if unchanged is not None:
        return unchanged
    return await answer(request, Content(parts=(Part.of(data),), media_type=media_type, etag=etag))


async def _page(
    request: Request, stores: list[ServedStore], unreadable: dict[str, str]
) -> Response:
    text = page(stores, unreadable, _base(request))
    response = await _document(request, text.encode(), _HTML)
    response.headers.update(_PAGE_POLICY)
    return response


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
