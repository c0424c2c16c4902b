"""Stores on web servers: the right pixels, or an error that names the URL and says what to do."""

import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files import web
from numcodecs_neural.files.folder import Folder
from numcodecs_neural.reading.reader import ImageReader
from tests.annotations import Image
from tests.reading.images import OWN_CODEC, OWN_CODEC_2, PLAIN, SHARDED, WriteImage
from tests.web_server import WebServer, web_server

LAYOUTS = [
    pytest.param(PLAIN, id="plain"),
    pytest.param(PLAIN | SHARDED, id="plain in shards"),
    pytest.param(OWN_CODEC, id="own codec"),
    pytest.param(OWN_CODEC | SHARDED, id="own codec in shards"),
    pytest.param(OWN_CODEC_2, id="own codec of version 2"),
]
IN_SHARDS = [LAYOUTS[1], LAYOUTS[3]]
WHOLE = (slice(None), slice(None), slice(None))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WebServer]:
    with web_server(tmp_path) as running:
        yield running


@pytest.fixture
def url(server: WebServer) -> str:
    return f"{server.url}/image.ome.zarr"


def pack(store: Path, archive: Path, below: str = "") -> None:
    with zipfile.ZipFile(archive, "w") as target:
        for file in sorted(store.rglob("*")):
            target.write(file, below + file.relative_to(store).as_posix())


@pytest.mark.parametrize("ranges", ["all", "from the start"])
@pytest.mark.parametrize("options", LAYOUTS)
def test_a_store_reads_equal(
    options: dict[str, Any],
    ranges: str,
    pixels: Image,
    write_image: WriteImage,
    server: WebServer,
    url: str,
) -> None:
    write_image(pixels, pixels[:, ::2, ::2], **options)
    server.ranges = ranges

    with ImageReader(url) as image:
        np.testing.assert_array_equal(image.read(0, WHOLE), pixels)
        np.testing.assert_array_equal(image.read(1, WHOLE), pixels[:, ::2, ::2])


def test_a_chunk_of_a_shard_brings_no_other(
    pixels: Image, write_image: WriteImage, server: WebServer, url: str
) -> None:
    write_image(pixels, **OWN_CODEC, **SHARDED)

    with ImageReader(url) as image:
        image.chunk(0, (0, 0, 0))
        server.asked.clear()
        image.chunk(0, (0, 1, 1))

    assert [path for path, _ in server.asked] == ["/image.ome.zarr/0/c/0/0/0"]
    assert server.asked[0][1] is not None


@pytest.mark.parametrize("options", [LAYOUTS[0], LAYOUTS[2], LAYOUTS[4]])
def test_a_server_without_ranges_shows_stores_without_shards(
    options: dict[str, Any], pixels: Image, write_image: WriteImage, server: WebServer, url: str
) -> None:
    write_image(pixels, **options)
    server.ranges = "none"

    with ImageReader(url) as image:
        np.testing.assert_array_equal(image.read(0, WHOLE), pixels)


@pytest.mark.parametrize("options", IN_SHARDS)
def test_a_server_without_ranges_is_refused_for_shards(
    options: dict[str, Any], pixels: Image, write_image: WriteImage, server: WebServer, url: str
) -> None:
    write_image(pixels, **options)
    server.ranges = "none"

    with ImageReader(url) as image, pytest.raises(SourceError) as caught:
        image.chunk(0, (0, 0, 0))

    assert f"{url}/0/c/0/0/0" in str(caught.value)
    assert "ignores range requests" in str(caught.value)
    assert "copy it here" in str(caught.value)


@pytest.mark.parametrize("options", IN_SHARDS)
def test_a_range_that_was_not_asked_for_is_refused(
    options: dict[str, Any], pixels: Image, write_image: WriteImage, server: WebServer, url: str
) -> None:
    write_image(pixels, **options)

    with ImageReader(url) as image:
        server.ranges = "wrong"
        with pytest.raises(SourceError, match="not the range that was asked for"):
            image.chunk(0, (0, 0, 0))


@pytest.mark.parametrize("below", ["", "image.ome.zarr/"])
@pytest.mark.parametrize("options", LAYOUTS)
def test_an_archive_reads_equal(
    options: dict[str, Any],
    below: str,
    pixels: Image,
    write_image: WriteImage,
    server: WebServer,
    tmp_path: Path,
) -> None:
    pack(write_image(pixels, **options), tmp_path / "image.ozx", below)

    # Signed URLs have a query.
    with ImageReader(f"{server.url}/image.ozx?signature=a/b") as image:
        np.testing.assert_array_equal(image.read(0, WHOLE), pixels)


def test_a_chunk_of_an_archive_brings_no_other(
    pixels: Image, write_image: WriteImage, server: WebServer, tmp_path: Path
) -> None:
    pack(write_image(pixels, **OWN_CODEC, **SHARDED), tmp_path / "image.ozx")

    with ImageReader(f"{server.url}/image.ozx") as image:
        image.chunk(0, (0, 0, 0))
        server.sent_nbytes = 0
        image.chunk(0, (0, 1, 1))

    assert server.sent_nbytes < 3 * 32 * 32 * 2


def test_other_file_systems_have_stores_and_archives(
    pixels: Image, write_image: WriteImage, tmp_path: Path
) -> None:
    store = write_image(pixels, **OWN_CODEC, **SHARDED)
    pack(store, tmp_path / "image.ozx")
    memory = fsspec.filesystem("memory")
    memory.put(str(store), "/store.ome.zarr", recursive=True)
    memory.put(str(tmp_path / "image.ozx"), "/image.ozx")

    for name in ("store.ome.zarr", "image.ozx"):
        with ImageReader(f"memory://{name}") as image:
            np.testing.assert_array_equal(image.read(0, WHOLE), pixels)


def test_an_archive_of_a_server_without_ranges_is_refused(
    pixels: Image, write_image: WriteImage, server: WebServer, tmp_path: Path
) -> None:
    pack(write_image(pixels, **OWN_CODEC, **SHARDED), tmp_path / "image.ozx")
    server.ranges = "none"

    with (
        pytest.raises(SourceError, match=r"image\.ozx: the server ignores range requests"),
        ImageReader(f"{server.url}/image.ozx") as image,
    ):
        image.chunk(0, (0, 0, 0))


@pytest.mark.parametrize(
    ("status", "advice"),
    [(403, "ask for access"), (429, "try again later"), (500, "try again later"), (503, "later")],
)
@pytest.mark.parametrize("options", LAYOUTS)
def test_a_failure_is_an_error_and_not_glass(
    options: dict[str, Any],
    status: int,
    advice: str,
    pixels: Image,
    write_image: WriteImage,
    server: WebServer,
    url: str,
) -> None:
    write_image(pixels, **options)

    with ImageReader(url) as image:
        server.failures["/0"] = status
        with pytest.raises(SourceError) as caught:
            image.chunk(0, (0, 0, 0))

    assert url in str(caught.value)
    assert str(status) in str(caught.value)
    assert advice in str(caught.value)


def test_a_chunk_that_failed_is_asked_for_again(
    pixels: Image, write_image: WriteImage, server: WebServer, url: str
) -> None:
    write_image(pixels, **OWN_CODEC, **SHARDED)

    with ImageReader(url) as image:
        server.failures["/0/c"] = 503
        with pytest.raises(SourceError, match="503"):
            image.chunk(0, (0, 0, 0))
        server.failures.clear()

        np.testing.assert_array_equal(image.chunk(0, (0, 0, 0)), pixels[:, :32, :32])


@pytest.mark.parametrize("options", LAYOUTS)
def test_a_chunk_that_is_absent_is_the_fill_value(
    options: dict[str, Any], pixels: Image, write_image: WriteImage, server: WebServer, url: str
) -> None:
    write_image(pixels, **options)
    server.failures["/0/c"] = server.failures["/0/0.0.0"] = 404

    with ImageReader(url) as image:
        assert (image.chunk(0, (0, 0, 0)) == 255).all()


@pytest.mark.parametrize(("status", "found"), [(403, "refuses"), (500, "fails"), (302, "answers")])
def test_a_store_that_cannot_be_reached_is_an_error_with_its_url(
    status: int, found: str, pixels: Image, write_image: WriteImage, server: WebServer, url: str
) -> None:
    write_image(pixels)
    server.failures["zarr"] = status

    with pytest.raises(SourceError, match=rf"{url}.*the server {found}.*{status}"):
        ImageReader(url)


def test_a_server_that_is_not_there_is_an_error_with_its_url(server: WebServer, url: str) -> None:
    dead = "http://127.0.0.1:9/image.ome.zarr"

    with pytest.raises(SourceError, match=rf"{dead}.*cannot be reached"):
        ImageReader(dead)


def test_a_server_that_does_not_answer_is_an_error_with_its_url(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "READ_S", 0.1)
    web._web_files.cache_clear()
    server.silent = threading.Event()

    with pytest.raises(OSError, match=rf"{server.url}/a/b: the server does not answer"):
        Folder(f"{server.url}/a").read("b")
    web._web_files.cache_clear()
