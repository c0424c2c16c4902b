"""Run a web application for the browser of this machine, until it is interrupted."""

import socket
import sys
import webbrowser

import uvicorn
from starlette.applications import Starlette

from numcodecs_neural.errors import ConfigError

__all__ = ["listening_socket", "run_app"]

_HOST = "127.0.0.1"


def run_app(app: Starlette, *, port: int, opens_browser: bool) -> int:
    """Serve an application on this machine alone; return the exit code.

    Parameters
    ----------
    app : Starlette
    port : int
        0 for any that is free.
    opens_browser : bool
        Whether to open the page once it is there.

    Raises
    ------
    ConfigError
        If the port is taken, or none.
    """
    listening = listening_socket(port)
    url = f"http://{_HOST}:{listening.getsockname()[1]}/"
    sys.stdout.write(f"{url} (Ctrl-C ends it)\n")
    sys.stdout.flush()
    if opens_browser:
        # The socket listens: what comes before the server is up waits.
        webbrowser.open(url)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    server.run(sockets=[listening])
    return 0


def listening_socket(port: int) -> socket.socket:
    """Return a socket that listens on this machine alone; raises ConfigError if none can."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
        listening.listen()
    except (OSError, OverflowError) as exc:
        listening.close()
        raise ConfigError(f"port {port} cannot be used: {exc}; --port 0 takes a free one") from exc
    return listening
