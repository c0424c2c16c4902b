"""Connections with bounds: how many, and how long one may keep the server waiting.

Uvicorn bounds requests, answers those beyond with 503, and ends a connection that is idle after an
answer. It waits without end for the first request, for the rest of a request that has begun, and
for a client that does not read; and it keeps any number of connections open. These are bounded
here. h11 bounds the size of a request's head.
"""

import asyncio
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

__all__ = ["Patience", "bounded_protocol"]


class Patience:
    """Bounds of connections.

    Parameters
    ----------
    most_connections : int
        Those beyond are dropped at once.
    request_s : float
        How long the head of a request may take.
    stall_s : float
        How long a client may leave unread what was sent.
    """

    def __init__(self, *, most_connections: int, request_s: float, stall_s: float) -> None:
        self.most_connections = most_connections
        self.request_s, self.stall_s = request_s, stall_s


def bounded_protocol(patience: Patience) -> type[asyncio.Protocol]:
    """Return the class of connections with these bounds, for uvicorn's ``http``."""

    class Bounded(_BoundedProtocol):
        bounds = patience

    return Bounded


class _BoundedProtocol(H11Protocol):
    bounds: Patience

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._waiting_for_request: asyncio.TimerHandle | None = None
        self._waiting_for_reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Drop a connection too many; begin to wait for the request of any other."""
        super().connection_made(transport)
        if len(self.connections) > self.bounds.most_connections:
            transport.abort()
            return
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._request_came()
        self._reader_reads()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Go on waiting while the request is not whole, from its first byte on."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._wait_for_request()
        else:
            self._request_came()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._reader_reads()
        self._waiting_for_reader = self.loop.call_later(self.bounds.stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        self._reader_reads()

    def _wait_for_request(self) -> None:
        if self._waiting_for_request is None:
            self._waiting_for_request = self.loop.call_later(
                self.bounds.request_s, self.transport.abort
            )

    def _request_came(self) -> None:
        if self._waiting_for_request is not None:
            self._waiting_for_request.cancel()
            self._waiting_for_request = None

    def _reader_reads(self) -> None:
        if self._waiting_for_reader is not None:
            self._waiting_for_reader.cancel()
            self._waiting_for_reader = None
