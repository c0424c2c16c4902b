"""The web application of ``serve``: which answer a request gets. It only reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .paths import parts_of
from .problems import Problem
from .site import Site
from .stores import ServedStore
from .work import AbandonedError, Work

__all__ = ["Limits", "check_host", "make_app"]

_METHODS = ("GET", "HEAD", "OPTIONS")
# Pages that this machine serves itself, such as a viewer under development.
_LOCAL_ORIGINS = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_EXPOSED = ("Accept-Ranges", "Content-Length", "Content-Range", "ETag")
_OF_ALL = {"X-Content-Type-Options": "nosniff", "Vary": "Origin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What clients can have the server do at most.

    Parameters
    ----------
    workers : int
        Chunks that are decoded at a time.
    most_waiting : int
        Requests that may wait for one of these.
    memory_nbytes : int
        Answers that are kept.
    """

    workers: int = 2
    most_waiting: int = 256
    memory_nbytes: int = 256 * 2**20


def make_app(
    stores: Sequence[ServedStore],
    *,
    unreadable: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    origins: Sequence[str] = (),
    is_local: bool = True,
) -> ASGIApp:
    """Return the application that shows stores.

    Parameters
    ----------
    stores : sequence of ServedStore
    unreadable : mapping, optional
        Of stores that could not be opened, by their names: why.
    limits : Limits, optional
    origins : sequence of str
        Of pages that may read the stores from a browser, beside those on this machine; ``"*"`` for
        all.
    is_local : bool
        Whether only programs on this machine are meant to connect. Then requests that name another
        host are refused: they come from a page that had a name of its own point here.
    """
    limits = limits or Limits()
    work = Work(
        workers=limits.workers,
        most_waiting=limits.most_waiting,
        memory_nbytes=limits.memory_nbytes,
    )
    endpoint = _Endpoint(Site(stores, dict(unreadable or {}), work), is_local=is_local)
    return CORSMiddleware(
        endpoint,
        allow_origins=list(origins),
        allow_origin_regex=_LOCAL_ORIGINS,
        allow_methods=["GET", "HEAD"],
        allow_headers=["*"],
        allow_private_network=True,
        expose_headers=_EXPOSED,
    )


class _Endpoint:
    """All paths and methods to one site; what is no data becomes an answer here."""

    def __init__(self, site: Site, *, is_local: bool) -> None:
        self._site, self._is_local = site, is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Problem as problem:
            response = _told(problem)
        except AbandonedError:
            # Nobody reads it.
            response = Response(status_code=HTTPStatus.NO_CONTENT)
        for name, value in _OF_ALL.items():
            response.headers.setdefault(name, value)
        if _has_body(request) or response.status_code == HTTPStatus.BAD_REQUEST:
            # A body is not read, so that the connection cannot be used again.
            response.headers["Connection"] = "close"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method not in _METHODS:
            raise Problem(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"{request.method[:20]} is not known here: stores are read only",
                {"Allow": ", ".join(_METHODS)},
            )
        if self._is_local:
            check_host(request.headers.get("host", ""))
        if request.method == "OPTIONS":
            return Response(
                status_code=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(_METHODS)}
            )
        return await self._site.answer(request, parts_of(request.scope["raw_path"]))


def check_host(host: str) -> None:
    """Refuse a request to a name that is none of this machine's own; raises Problem.

    A page of another site may have such a name lead here, and then read what is served.
    """
    name = host if host in _LOCAL_NAMES else host.rpartition(":")[0]
    if name not in _LOCAL_NAMES:
        raise Problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"this server is for programs on its own machine, and {host[:80]!r} is none of its "
            f"names: {', '.join(_LOCAL_NAMES)}",
        )


def _has_body(request: Request) -> bool:
    headers = request.headers
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _told(problem: Problem) -> Response:
    text = f"{problem.status.value} {problem.status.phrase}: {problem.text}\n"
    headers = {"Cache-Control": "no-store"} | problem.headers
    return PlainTextResponse(text, status_code=problem.status, headers=headers)
