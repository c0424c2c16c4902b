"""The web application of ``view``: the page, what it shows, and tiles and overlays as PNG."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from numcodecs_neural.errors import ConfigError, NeuralCodecError

from .drawing import png
from .looks import Look
from .overlays import Overlay, overlays_of
from .subject import Subject
from .tile_cache import TileCache

__all__ = ["Exhibit", "view_app"]

_PAGE = Path(__file__).parent / "page"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:",
    "X-Content-Type-Options": "nosniff",
}
_KEPT_NBYTES = 256 << 20


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
    tiles: TileCache = field(default_factory=lambda: TileCache(_KEPT_NBYTES))

    @cached_property
    def overlays(self) -> dict[str, Overlay]:
        """The pictures that may be laid over it, by name."""
        return overlays_of(self.shown.path)

    @cached_property
    def description(self) -> dict[str, Any]:
        """What the page needs to show it, as values of JSON."""
        return {
            **self.shown.describe(),
            "against": self.against and self.against.describe(),
            "overlays": {
                name: {"width": one.width, "legend": one.legend}
                for name, one in self.overlays.items()
            },
        }

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
    ]
    app = Starlette(routes=routes, exception_handlers={NeuralCodecError: _explain})
    app.add_middleware(_WithHeaders)
    app.state.exhibits = tuple(exhibits)
    # Part of the addresses of tiles: browsers keep them as long as the program runs, and no longer.
    app.state.run = secrets.token_hex(4)
    return app


def _list_slides(request: Request) -> Response:
    state = request.app.state
    names = [exhibit.shown.info.name for exhibit in state.exhibits]
    return JSONResponse({"run": state.run, "names": names})


def _describe_slide(request: Request) -> Response:
    return JSONResponse(_exhibit(request).description)


def _send_tile(request: Request) -> Response:
    exhibit, place = _exhibit(request), request.path_params
    subject = exhibit.side(place["side"])
    if subject is None:
        raise HTTPException(404)
    look = Look.parse(request.query_params, request.query_params.getlist("c"))

    def draw() -> bytes | None:
        tile = subject.tile(place["level"], place["row"], place["column"], look)
        return None if tile is None else png(tile)

    key = (place["side"], place["level"], place["row"], place["column"], request.url.query)
    return _picture(exhibit.tiles.get(key, draw))


def _send_overlay(request: Request) -> Response:
    overlay = _exhibit(request).overlays.get(request.path_params["name"])
    return _picture(None if overlay is None else overlay.picture)


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


class _WithHeaders:
    """Adds to every answer what browsers may do with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
