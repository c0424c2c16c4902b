"""Small stores of both versions, and clients of the application in this process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from starlette.testclient import TestClient

from numcodecs_neural.converters import cli
from numcodecs_neural.serve.app import make_app
from numcodecs_neural.serve.form import Form
from numcodecs_neural.serve.run import Address, ServeOptions, bind, make_server, opened_stores
from tests.annotations import Image

# Four shards, with a chunk that is cut at each edge; and so small that it takes no time.
OPTIONS = ["--chunk", "64", "--codec", "neural", "--margin", "0", "-q"]


def convert(source: Path, store: Path, version: str) -> Path:
    shard = ["--shard", "128"] if version == "0.5" else []
    options = ["--ome-zarr-version", version, *OPTIONS, *shard]
    assert cli.main([str(source), "-o", str(store), *options]) == 0
    return store


@pytest.fixture(scope="session")
def slide_tiff(tissue: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a slide of 220 x 250 pixels: tissue at the left, glass elsewhere."""
    pixels = np.full((220, 250, 3), 243, np.uint8)
    pixels[20:150, 10:90] = np.moveaxis(tissue, 0, -1)[:130, :80]
    path = tmp_path_factory.mktemp("sources") / "slide.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", resolution=(40000, 40000), resolutionunit=3)
    return path


@pytest.fixture(scope="session")
def grey_tiff(tissue: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a picture of 150 x 170 samples of 16 bits."""
    pixels = tissue[0, :150, :170].astype(np.uint16) * 200 + 7
    path = tmp_path_factory.mktemp("sources") / "grey.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack")
    return path


@pytest.fixture(scope="session")
def stores(
    slide_tiff: Path, grey_tiff: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Return stores of both versions and kinds, by names; not to be changed."""
    folder = tmp_path_factory.mktemp("stores")
    return {
        f"{kind}-{version}": convert(source, folder / f"{kind}-{version}.ome.zarr", version)
        for kind, source in (("rgb", slide_tiff), ("grey", grey_tiff))
        for version in ("0.4", "0.5")
    }


@pytest.fixture(scope="session")
def slide_ozx(slide_tiff: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(slide_tiff, tmp_path_factory.mktemp("zips") / "zipped.ozx", "0.5")


MakeClient = Callable[..., TestClient]


@pytest.fixture
def client_of() -> Iterator[MakeClient]:
    """Return a function that gives a client of an application that shows stores."""
    opened: list[Any] = []

    def make(*locations: str | Path, form: Form | None = None, **options: Any) -> TestClient:
        context = opened_stores([str(one) for one in locations], form or Form())
        served = context.__enter__()
        opened.append(context)
        app = make_app(served.stores, unreadable=served.unreadable, **options)
        return TestClient(app, base_url="http://127.0.0.1")

    yield make
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture
def client(client_of: MakeClient, stores: dict[str, Path]) -> TestClient:
    """Return a client of the RGB store of 0.5."""
    return client_of(stores["rgb-0.5"])


@contextmanager
def running(options: ServeOptions, *locations: Path) -> Iterator[str]:
    """Serve stores by uvicorn in a thread; yield the URL."""
    names = [str(one) for one in locations]
    with opened_stores(names, options.form) as served, bind(options) as bound:
        server = make_server(make_app(served.stores, limits=options.limits), options)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            # The socket listens already: what connects now waits until the server takes it.
            yield Address.of(bound).url
        finally:
            server.should_exit = True
            thread.join()


Run = Callable[..., str]


@pytest.fixture
def run_server() -> Iterator[Run]:
    """Return a function that serves stores on a free port and returns the URL."""
    with ExitStack() as stack:

        def run(*locations: Path, **options: Any) -> str:
            return stack.enter_context(running(ServeOptions(port=0, **options), *locations))

        yield run
