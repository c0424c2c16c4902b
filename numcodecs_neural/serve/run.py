"""Run the server: open the stores, bind the port, say where it is, and end on an interrupt."""

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp

from numcodecs_neural.errors import ConfigError, SourceError

from .app import Limits, make_app
from .form import Form
from .naming import store_names
from .problems import Problem
from .protocol import Patience, bounded_protocol
from .stores import ServedStore, open_store
from .work import AbandonedError

__all__ = ["Address", "ServeOptions", "Served", "bind", "make_server", "opened_stores", "serve"]

# Over it, a connection is answered with 503; as many more are dropped.
_REFUSED_CONNECTIONS = 64
_HEAD_NBYTES = 16 * 1024
_GRACE_S = 5
# Between two requests: longer than clients keep a connection that they do not use, so that none
# sends a request into one that is just being closed.
_IDLE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How stores are served.

    Parameters
    ----------
    host : str
        Name or address to listen on.
    port : int
        0 for any that is free.
    form : Form
    origins : tuple of str
        Of pages that may read the stores from a browser; ``"*"`` for all.
    limits : Limits
    connections : int
        Those beyond are answered with 503.
    request_s, stall_s : float
        How long a connection may take for the head of a request, or not read its answer.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    form: Form = field(default_factory=Form)
    origins: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    connections: int = 256
    request_s: float = 10.0
    stall_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """Stores that were opened, and of those that could not be, by name: why, as clients read it."""

    stores: tuple[ServedStore, ...]
    unreadable: dict[str, str]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens: its URL, and whether only this machine can connect."""

    url: str
    is_local: bool

    @classmethod
    def of(cls, bound: socket.socket) -> "Address":
        """Return the address of a socket."""
        host, port = bound.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        return cls(f"http://{name}:{port}", host == "::1" or host.startswith("127."))


def serve(
    locations: Sequence[str],
    options: ServeOptions,
    announce: Callable[[Address, Served], None],
) -> None:
    """Serve stores until an interrupt, which is raised again when all is closed.

    Parameters
    ----------
    locations : sequence of str
        Folders, zips and URLs.
    options : ServeOptions
    announce : callable
        Called once with the address and the stores, when it answers.

    Raises
    ------
    SourceError
        If none of the stores can be read.
    ConfigError
        If the address cannot be listened on.
    """
    with opened_stores(locations, options.form) as served, bind(options) as bound:
        address = Address.of(bound)
        app = make_app(
            served.stores,
            unreadable=served.unreadable,
            limits=options.limits,
            origins=options.origins,
            is_local=address.is_local,
        )
        server = make_server(app, options, lambda: announce(address, served))
        server.run(sockets=[bound])


@contextmanager
def opened_stores(locations: Sequence[str], form: Form) -> Iterator[Served]:
    """Open stores, and close them at the end.

    Raises
    ------
    SourceError
        If there is none that can be read.
    """
    with ExitStack() as stack:
        stores, unreadable, errors = [], {}, []
        for location, name in zip(locations, store_names(locations), strict=True):
            try:
                store = open_store(location, name, form)
            except SourceError as exc:
                errors.append(str(exc))
                unreadable[name] = str(exc).replace(location, name)
                continue
            stack.callback(store.files.close)
            stores.append(store)
        if not stores:
            raise SourceError("; ".join(errors))
        yield Served(tuple(stores), unreadable)


def make_server(
    app: ASGIApp, options: ServeOptions, on_start: Callable[[], object] | None = None
) -> uvicorn.Server:
    """Return uvicorn's server of an application, with bounds on what connections can ask of it.

    Parameters
    ----------
    app : ASGI application
    options : ServeOptions
    on_start : callable, optional
        Called once it answers, and ends in order when it is interrupted.
    """
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    patience = Patience(
        most_connections=options.connections + _REFUSED_CONNECTIONS,
        request_s=options.request_s,
        stall_s=options.stall_s,
    )
    config = uvicorn.Config(
        app,
        http=bounded_protocol(patience),
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        limit_concurrency=options.connections,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=_IDLE_S,
        h11_max_incomplete_event_size=_HEAD_NBYTES,
    )
    return _Server(config, on_start)


class _Server(uvicorn.Server):
    """A server that tells when it has started."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], object] | None) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._on_start is not None:
            self._on_start()


def bind(options: ServeOptions) -> socket.socket:
    """Return a socket on the address; whoever listens on it closes it.

    Raises
    ------
    ConfigError
        If it cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM
        )[0]
        # Where the protocol is not named, asyncio leaves small answers waiting for 40 ms.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as exc:
        raise _refused(options, exc) from exc
    try:
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()
    except OSError as exc:
        bound.close()
        raise _refused(options, exc) from exc
    return bound


def _refused(options: ServeOptions, error: OSError) -> ConfigError:
    return ConfigError(
        f"port {options.port} of {options.host} cannot be listened on: {error.strerror}; "
        "name another with --port, or 0 for any that is free"
    )


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record of uvicorn's is of more than an answer that ended early, which was told."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, Problem | AbandonedError)
