"""A static web server in this process, which knows ranges or not, and fails as it is told."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["WebServer", "web_server"]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass
class WebServer:
    """What a server does, and what it was asked for; to be changed while it runs.

    Parameters
    ----------
    url : str
        Of its folder.
    ranges : {"all", "from the start", "none", "wrong"}
        Which range requests are answered: all, those that do not count from the end, none; or with
        another range than was asked for.
    absent : int
        The status of files that are not there.
    failures : dict
        A status for each path that is to fail with it; of a path of which a part is a key.
    asked : list
        The path and the range of each request.
    sent_nbytes : int
        How much was sent.
    silent : Event, optional
        While there is one, all requests wait for it.
    """

    url: str = ""
    ranges: str = "all"
    absent: int = 404
    failures: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    sent_nbytes: int = 0
    silent: threading.Event | None = None


@contextmanager
def web_server(folder: Path) -> Iterator[WebServer]:
    """Serve a folder on a free port of this machine."""
    state = WebServer()

    class Handler(_Handler):
        def __init__(self, *args: Any) -> None:
            self.folder, self.state = folder, state
            super().__init__(*args)

    server = _Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        if state.silent is not None:
            state.silent.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Keep quiet of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path
    state: WebServer

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        path = unquote(urlsplit(self.path).path)
        self.state.asked.append((path, wanted))
        if self.state.silent is not None:
            self.state.silent.wait()
        for part, status in self.state.failures.items():
            if part in path:
                return self._send(status)
        file = self.folder / path.lstrip("/")
        if not file.is_file():
            return self._send(self.state.absent)
        return self._send_part(file.read_bytes(), wanted)

    def _send_part(self, content: bytes, wanted: str | None) -> None:
        match = _RANGE.fullmatch(wanted or "")
        if match is None or self.state.ranges == "none":
            return self._send(200, content)
        first, last = match.groups()
        if not first and self.state.ranges == "from the start":
            return self._send(416)
        start = int(first) if first else max(len(content) - int(last), 0)
        stop = min(int(last) + 1, len(content)) if first and last else len(content)
        if start >= len(content):
            return self._send(416)
        if self.state.ranges == "wrong":
            start, stop = start - 1, stop - 1
        said = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
        return self._send(206, content[start:stop], said)

    def _send(
        self, status: int, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:  # who asked has enough of it
            return
        self.state.sent_nbytes += len(content)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""
