"""The web application of ``view``: the page, what it shows, and tiles and overlays as PNG."""

import os
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from numcodecs_neural.errors import ConfigError, NeuralCodecError
from numcodecs_neural.serve.app import check_host
from numcodecs_neural.serve.problems import Problem
from numcodecs_neural.serve.work import AbandonedError, Work

from .looks import Look
from .overlays import Overlay, make_overlay, overlay_widths
from .png import png
from .subject import Subject

__all__ = ["Exhibit", "view_app"]

_PAGE = Path(__file__).parent / "page"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:",
    "X-Content-Type-Options": "nosniff",
}
_KEPT_NBYTES = 256 << 20
_MOST_WAITING = 256


@dataclass(kw_only=True)
class Exhibit:
    """A slide of the page, and another to be compared with it.

    Parameters
    ----------
    shown : Subject
    against : Subject, optional
        Under the swipe handle.
    """

    shown: Subject
    against: Subject | None = None

    _made: dict[str, Overlay] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @cached_property
    def description(self) -> dict[str, Any]:
        """What the page needs to show it, as values of JSON."""
        return {
            **self.shown.describe(),
            "against": self.against and self.against.describe(),
            "overlays": self.overlays,
        }

    @cached_property
    def overlays(self) -> dict[str, float]:
        """The pictures that may be laid over it, and how wide they are, in widths of the slide."""
        return overlay_widths(self.shown.path)

    def overlay(self, name: str) -> Overlay | None:
        """Return a picture to be laid over it, which is made when it is first asked for.

        It takes seconds of large stores, whose sizes of chunks are in many files.
        """
        if name not in self.overlays:
            return None
        with self._lock:
            if name not in self._made:
                self._made[name] = make_overlay(self.shown.path, name)
            return self._made[name]

    def side(self, name: str) -> Subject | None:
        """Return the slide of a side, ``"shown"`` or ``"against"``."""
        return {"shown": self.shown, "against": self.against}.get(name)

    def close(self) -> None:
        """Close both slides."""
        self.shown.close()
        if self.against:
            self.against.close()


def view_app(exhibits: Sequence[Exhibit]) -> Starlette:
    """Return the application that shows slides.

    Parameters
    ----------
    exhibits : sequence of Exhibit
        In the order of the page's list; the caller closes them.
    """
    routes = [
        Route("/", lambda _: FileResponse(_PAGE / "index.html")),
        Mount("/page", StaticFiles(directory=_PAGE)),
        Route("/slides.json", _list_slides),
        Route("/slides/{slide:int}.json", _describe_slide),
        Route("/slides/{slide:int}/{side}/{level:int}/{row:int}-{column:int}.png", _send_tile),
        Route("/slides/{slide:int}/overlays/{name}.png", _send_overlay),
        Route("/slides/{slide:int}/overlays/{name}.json", _send_legend),
    ]
    handlers = {NeuralCodecError: _explain, Problem: _explain_problem, AbandonedError: _say_nothing}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.add_middleware(_Door)
    app.state.exhibits = tuple(exhibits)
    app.state.work = Work(
        workers=os.cpu_count() or 1, most_waiting=_MOST_WAITING, memory_nbytes=_KEPT_NBYTES
    )
    # Part of the addresses of tiles: browsers keep them as long as the program runs, and no longer.
    app.state.run = secrets.token_hex(4)
    return app


def _list_slides(request: Request) -> Response:
    state = request.app.state
    return JSONResponse({"run": state.run, "names": _names(state.exhibits)})


def _names(exhibits: Sequence[Exhibit]) -> list[str]:
    """Return the names of slides; of those that share one, their paths."""
    names = [exhibit.shown.info.name for exhibit in exhibits]
    return [
        name if names.count(name) == 1 else str(exhibit.shown.path)
        for name, exhibit in zip(names, exhibits, strict=True)
    ]


def _describe_slide(request: Request) -> Response:
    return JSONResponse(_exhibit(request).description)


async def _send_tile(request: Request) -> Response:
    exhibit, place = _exhibit(request), request.path_params
    subject = exhibit.side(place["side"])
    if subject is None:
        raise HTTPException(404)
    look = Look.parse(request.query_params, request.query_params.getlist("c"))

    def draw() -> bytes | None:
        tile = subject.tile(place["level"], place["row"], place["column"], look)
        return None if tile is None else png(tile)

    work: Work = request.app.state.work
    return _picture(await work.bytes_of(str(request.url), draw, request.is_disconnected))


def _send_overlay(request: Request) -> Response:
    return _picture(_overlay(request).picture)


def _send_legend(request: Request) -> Response:
    return JSONResponse(_overlay(request).legend)


def _overlay(request: Request) -> Overlay:
    overlay = _exhibit(request).overlay(request.path_params["name"])
    if overlay is None:
        raise HTTPException(404)
    return overlay


def _exhibit(request: Request) -> Exhibit:
    exhibits: tuple[Exhibit, ...] = request.app.state.exhibits
    slide: int = request.path_params["slide"]
    if slide >= len(exhibits):
        raise HTTPException(404)
    return exhibits[slide]


def _picture(content: bytes | None) -> Response:
    if content is None:
        raise HTTPException(404)
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(content, media_type="image/png", headers=headers)


async def _explain(_: Request, error: Exception) -> Response:
    """Answer with an error's text: 400 where the request is wrong, 500 where the slide is."""
    return PlainTextResponse(str(error), 400 if isinstance(error, ConfigError) else 500)


async def _explain_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return PlainTextResponse(error.text, error.status, error.headers)


async def _say_nothing(_: Request, error: Exception) -> Response:
    """Answer who has left already."""
    del error
    return Response(status_code=HTTPStatus.NO_CONTENT)


class _Door:
    """Lets in what asks for this machine by its name, and says what browsers may do with answers.

    A page from elsewhere could read slides otherwise, under a name of its own for this machine.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        try:
            check_host(Headers(scope=scope).get("host", ""))
        except Problem as problem:
            refusal = PlainTextResponse(problem.text, problem.status)
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)
