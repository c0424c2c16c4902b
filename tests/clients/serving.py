"""The server of the package under test, started in front of the stores."""

import contextlib
import subprocess
import sys
from collections.abc import Generator, Mapping
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("numcodecs-neural")


@contextlib.contextmanager
def serving(stores: Mapping[str, Path]) -> Generator[dict[str, str]]:
    """Serve stores while the context lasts, and yield the URL of each.

    Raises
    ------
    RuntimeError
        If the server ends before it says where they are.
    """
    command = [str(PROGRAM), "serve", "--port", "0", *map(str, stores.values())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            # One line for each store, in their order.
            urls = [server.stdout.readline().strip() for _ in stores]
            if not all(urls):
                raise RuntimeError(
                    f"serve ended with code {server.wait()}, and no URL of each store"
                )
            yield dict(zip(stores, urls, strict=True))
        finally:
            server.terminate()
