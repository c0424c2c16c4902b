"""Run the page for the browser of this machine, until it is interrupted."""

from collections.abc import Callable, Sequence

from numcodecs_neural.serve.run import Address, ServeOptions, bind, make_server

from .app import Exhibit, view_app

__all__ = ["show"]


def show(exhibits: Sequence[Exhibit], *, port: int, announce: Callable[[str], object]) -> None:
    """Serve the page to this machine alone, until an interrupt, which is raised again.

    Parameters
    ----------
    exhibits : sequence of Exhibit
        The caller closes them.
    port : int
        0 for any that is free.
    announce : callable
        Called once with the URL of the page, when the server answers.

    Raises
    ------
    ConfigError
        If the port cannot be listened on.
    """
    options = ServeOptions(port=port)
    with bind(options) as bound:
        url = f"{Address.of(bound).url}/"
        server = make_server(view_app(exhibits), options, lambda: announce(url))
        server.run(sockets=[bound])
