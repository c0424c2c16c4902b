"""Regions and chunks of OME-Zarr images, beside what zarr reads."""

import functools
import http.server
import multiprocessing
import pickle
import threading
import zipfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from numcodecs_neural.codec import NeuralImage
from numcodecs_neural.errors import ConfigError, SourceError
from numcodecs_neural.reading.cache import ChunkCache
from numcodecs_neural.reading.reader import ImageReader
from tests.annotations import Image
from tests.reading.images import OWN_CODEC, OWN_CODEC_2, PLAIN, SHARDED, WriteImage

LAYOUTS = [
    pytest.param(PLAIN, id="plain"),
    pytest.param(PLAIN | SHARDED, id="plain in shards"),
    pytest.param({"zarr_format": 2}, id="plain of version 2"),
    pytest.param(OWN_CODEC, id="own codec"),
    pytest.param(OWN_CODEC | SHARDED, id="own codec in shards"),
    pytest.param(OWN_CODEC_2, id="own codec of version 2"),
]


def part(*selection: tuple[int, int]) -> tuple[slice, ...]:
    return tuple(slice(*bounds) for bounds in selection)


@pytest.mark.parametrize("options", LAYOUTS)
def test_a_region_is_what_was_written(
    options: dict[str, Any], pixels: Image, write_image: WriteImage
) -> None:
    with ImageReader(write_image(pixels, **options)) as image:
        found = image.read(0, part((0, 3), (20, 75), (30, 103)))

    np.testing.assert_array_equal(found, pixels[:, 20:, 30:])


@pytest.mark.parametrize("options", LAYOUTS)
def test_a_chunk_at_the_end_ends_with_the_image(
    options: dict[str, Any], pixels: Image, write_image: WriteImage
) -> None:
    with ImageReader(write_image(pixels, **options)) as image:
        np.testing.assert_array_equal(image.chunk(0, (0, 2, 3)), pixels[:, 64:, 96:])


@pytest.mark.parametrize("options", LAYOUTS)
def test_what_is_not_stored_has_the_fill_value(
    options: dict[str, Any], pixels: Image, write_image: WriteImage
) -> None:
    glass = pixels.copy()
    glass[:, 32:64, 32:] = 255

    with ImageReader(write_image(glass, **options)) as image:
        found = image.chunk(0, (0, 1, 1))

        np.testing.assert_array_equal(image.read(0, part((0, 3), (0, 75), (0, 103))), glass)
    assert found.strides == (0, 0, 0)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_regions_are_slices(
    data: st.DataObject, pixels: Image, image_of_pixels: ImageReader
) -> None:
    selection = tuple(
        data.draw(
            st.integers(0, length - 1)
            | st.tuples(st.integers(0, length), st.integers(0, length)).map(lambda b: slice(*b))
        )
        for length in pixels.shape
    )

    found = image_of_pixels.read(0, selection)

    np.testing.assert_array_equal(found, pixels[selection])


@pytest.fixture
def image_of_pixels(pixels: Image, write_image: WriteImage) -> ImageReader:
    return ImageReader(write_image(pixels))


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        (part((0, 3), (0, 5)), "2 axes was given; the level has 3"),
        ((slice(None), slice(0, 9, 2), slice(None)), "step 2"),
        ((3, slice(None), slice(None)), "place 3 was asked for of an axis of length 3"),
    ],
    ids=["axes", "step", "beyond"],
)
def test_other_selections_are_refused(
    selection: tuple[int | slice, ...], says: str, image_of_pixels: ImageReader
) -> None:
    with pytest.raises(ConfigError, match=says):
        image_of_pixels.read(0, selection)


@pytest.mark.parametrize("index", [(0, 3, 0), (0, -1, 0), (0, 0)], ids=str)
def test_a_chunk_that_is_not_there_is_refused(
    index: tuple[int, ...], image_of_pixels: ImageReader
) -> None:
    with pytest.raises(SourceError, match=r"has no chunk .* along its axes it has \(1, 3, 4\)"):
        image_of_pixels.chunk(0, index)


def test_a_level_that_is_not_there_is_refused(image_of_pixels: ImageReader) -> None:
    with pytest.raises(SourceError, match="has no level 1; its levels are 0 to 0"):
        image_of_pixels.level(1)


def test_a_closed_image_is_refused_and_lets_go_of_its_chunks(
    pixels: Image, write_image: WriteImage
) -> None:
    cache = ChunkCache(10**6)
    image = ImageReader(write_image(pixels), cache=cache)
    image.chunk(0, (0, 0, 0))

    image.close()
    image.close()

    assert cache.nbytes == 0
    with pytest.raises(SourceError, match="was closed"):
        image.chunk(0, (0, 0, 0))


def test_eight_threads_decode_each_chunk_once(
    pixels: Image, write_image: WriteImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    decode = NeuralImage.decode_parsed

    def recorded(self: NeuralImage, chunk: Any) -> Any:
        decoded.append(chunk)
        return decode(self, chunk)

    image = ImageReader(write_image(pixels, **OWN_CODEC))
    monkeypatch.setattr(NeuralImage, "decode_parsed", recorded)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: image.read(0, part((0, 3), (0, 75), (0, 103))), range(16)))

    assert len(decoded) == 3 * 4


def test_another_cache_is_used_from_now_on(pixels: Image, write_image: WriteImage) -> None:
    first, second = ChunkCache(10**6), ChunkCache(10**6)
    image = ImageReader(write_image(pixels), cache=first)
    image.chunk(0, (0, 0, 0))

    image.use_cache(second)
    image.chunk(0, (0, 0, 0))

    assert (first.nbytes, second.nbytes > 0) == (0, True)


@pytest.mark.parametrize("place", [0, 60, -1], ids=["magic", "inside", "checksum"])
def test_a_damaged_chunk_is_named(place: int, pixels: Image, write_image: WriteImage) -> None:
    path = write_image(pixels, **OWN_CODEC)
    file = path / "0" / "c" / "0" / "1" / "2"
    content = bytearray(file.read_bytes())
    content[place] ^= 255
    file.write_bytes(content)

    with (
        ImageReader(path) as image,
        pytest.raises(SourceError, match="the chunk at row 32, column 64 of level 0"),
    ):
        image.chunk(0, (0, 1, 2))


def test_a_chunk_of_another_array_is_named(pixels: Image, write_image: WriteImage) -> None:
    path = write_image(pixels, **OWN_CODEC)
    other = write_image(pixels, name="other.zarr", **OWN_CODEC | {"chunks": (3, 64, 64)})
    file = "0/c/0/0/0"
    (path / file).write_bytes((other / file).read_bytes())

    with ImageReader(path) as image, pytest.raises(SourceError, match="belongs to another array"):
        image.chunk(0, (0, 0, 0))


def test_big_endian_samples_are_read_in_this_machines_order(
    pixels: Image, write_image: WriteImage
) -> None:
    big = pixels.astype(">u2")
    options = OWN_CODEC_2 | {"fill_value": 0}

    with ImageReader(write_image(big, **options)) as image:
        found = image.read(0, part((0, 3), (0, 75), (0, 103)))

    assert found.dtype == np.dtype(np.uint16)
    np.testing.assert_array_equal(found, pixels)


def first_row(image: ImageReader) -> list[int]:
    row: list[int] = image.read(0, (0, 0, slice(None))).tolist()
    return row


def test_an_image_pickles_by_opening_again(pixels: Image, write_image: WriteImage) -> None:
    image = ImageReader(write_image(pixels, **OWN_CODEC))

    copy = pickle.loads(pickle.dumps(image))

    assert first_row(copy) == pixels[0, 0].tolist()


@pytest.mark.parametrize("name", ["image.ome.zarr", "image.ozx"])
@pytest.mark.parametrize("options", [PLAIN, OWN_CODEC], ids=["plain", "own codec"])
@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_reads_what_its_parent_has_open(
    name: str, options: dict[str, Any], pixels: Image, write_image: WriteImage
) -> None:
    path = write_image(pixels, **options)
    if name.endswith(".ozx"):
        path = zipped(path)
    image = ImageReader(path)
    image.read(0, part((0, 3), (0, 75), (0, 103)))
    results = multiprocessing.get_context("fork").SimpleQueue()

    processes = [
        multiprocessing.get_context("fork").Process(target=lambda: results.put(first_row(image)))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join()

    assert found == [pixels[0, 0].tolist()] * 2
    assert first_row(image) == pixels[0, 0].tolist()


def test_a_spawned_process_reads(pixels: Image, write_image: WriteImage) -> None:
    image = ImageReader(write_image(pixels, **OWN_CODEC))

    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        found = pool.submit(image.read, 0, (0, 0, slice(None))).result()

    np.testing.assert_array_equal(found, pixels[0, 0])


def zipped(path: Path) -> Path:
    """Return a zip of a store, as zarr writes it."""
    target = path.with_suffix(".ozx")
    with zipfile.ZipFile(target, "w") as archive:
        for file in path.rglob("*"):
            archive.write(file, file.relative_to(path))
    return target


def test_an_image_behind_a_url_is_read(pixels: Image, write_image: WriteImage) -> None:
    path = write_image(pixels, **OWN_CODEC | SHARDED)

    with ImageReader(path.as_uri()) as image:
        assert first_row(image) == pixels[0, 0].tolist()


class Unlisted(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing of folders, as most web servers do."""

    def list_directory(self, path: object) -> None:
        self.send_error(404)

    def log_message(self, *args: object) -> None:
        pass


def test_an_image_on_a_web_server_that_lists_nothing_is_read(
    pixels: Image, write_image: WriteImage
) -> None:
    pytest.importorskip("aiohttp", reason="fsspec needs aiohttp for HTTP")
    pixels[:, 32:64, 32:64] = 255
    path = write_image(pixels)
    handler = functools.partial(Unlisted, directory=path.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{path.name}"

        with ImageReader(url) as image:
            found = image.read(0, part((0, 3), (0, 75), (0, 103)))
        server.shutdown()

    np.testing.assert_array_equal(found, pixels)


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "empty.zarr")

    with pytest.raises(SourceError, match="without the metadata of OME-Zarr"):
        ImageReader(tmp_path / "empty.zarr")
