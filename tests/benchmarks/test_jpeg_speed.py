"""Speed of decoding JPEG chunks, beside JPEG XL's decoding of its transcoding of the same tiles.

An ordinary test by default, on one chunk. Measured, on 16 chunks of 2 x 2 tiles and two threads, by

    pytest tests/benchmarks/test_jpeg_speed.py --benchmark-enable -s

in a process of its own, on a machine that does nothing else. Both take turns, round by round.
"""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import imagecodecs
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.coding.dec_jpeg import NETWORK
from numcodecs_neural.coding.jpeg_section import unpack_section
from numcodecs_neural.format import unpack_chunk
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.offers import offered
from tests.annotations import Image
from tests.jpeg.streams import saved

THREADS = 2
TILE_PX = 256
QUALITY = 80
CHUNKS = 16
ROUNDS = 7
LEAST_RATIO = 0.2


@pytest.fixture(autouse=True)
def two_threads_without_torch() -> Iterator[None]:
    with config.set(device="numpy", threads=THREADS):
        yield


def test_decode_speed_beside_jpeg_xl(
    benchmark: BenchmarkFixture, tissue: Image, *, is_measured: bool
) -> None:
    grids = [grid_of(tissue, n) for n in range(CHUNKS if is_measured else 1)]
    codec = NeuralImage("he-fast", channel_axis=-1)
    chunks = [encoded_by_network(codec, grid) for grid in grids]
    peers = [
        [imagecodecs.jpegxl_encode_jpeg(tile, numthreads=1) for row in grid for tile in row]
        for grid in grids
    ]
    peer_times: list[float] = []

    def decode_peer() -> None:
        start = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(decode_jpeg_xl, peers))
        peer_times.append(time.perf_counter() - start)

    def decode() -> list[Image]:
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(codec.decode, chunks))

    decoded = benchmark.pedantic(decode, setup=decode_peer, rounds=ROUNDS if is_measured else 1)

    for pixels, grid in zip(decoded, grids, strict=True):
        np.testing.assert_array_equal(pixels, Mosaic.from_tiles(grid).pixels())
    if is_measured:
        pixels_count = CHUNKS * (2 * TILE_PX) ** 2
        assert benchmark.stats is not None
        ours = median(benchmark.stats.stats.data)
        benchmark.extra_info["ratio"] = median(peer_times) / ours
        sys.stdout.write(
            f"\ndecoding {pixels_count / ours / 1e6:.1f} Mpx/s on {THREADS} threads, "
            f"{benchmark.extra_info['ratio']:.2f} of JPEG XL's speed\n"
        )
        assert benchmark.extra_info["ratio"] >= LEAST_RATIO


def grid_of(tissue: Image, number: int) -> list[list[bytes]]:
    """Return JPEG streams of 2 x 2 tiles, of the tissue image repeated, which differ by number."""
    pixels = np.tile(tissue.transpose(1, 2, 0), (3, 3, 1))
    y, x = 37 * number, 53 * number
    return [
        [
            saved(
                np.ascontiguousarray(pixels[y + down :, x + across :][:TILE_PX, :TILE_PX]),
                quality=QUALITY,
                subsampling=2,
            )
            for across in (0, TILE_PX)
        ]
        for down in (0, TILE_PX)
    ]


def encoded_by_network(codec: NeuralImage, grid: list[list[bytes]]) -> bytes:
    """Return the chunk of a grid of tiles; the network must have made the fewest bytes."""
    mosaic = Mosaic.from_tiles(grid)
    pixels = np.ascontiguousarray(mosaic.pixels())
    with offered([(pixels, 2, mosaic)]):
        chunk = codec.encode(pixels)
    coder, _, _ = unpack_section(unpack_chunk(chunk).sections[0])
    assert coder == NETWORK
    return bytes(chunk)


def decode_jpeg_xl(streams: list[bytes]) -> list[Image]:
    """Decode the tiles of a chunk."""
    return [imagecodecs.jpegxl_decode(stream, numthreads=1) for stream in streams]
