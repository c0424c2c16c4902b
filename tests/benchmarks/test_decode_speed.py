"""Speed of a real array behind `zarr`, without torch, beside JPEG XL in the same run.

An ordinary test by default, on a small array. Measured, on 4096 x 4096 pixels and two threads, by

    pytest tests/benchmarks/test_decode_speed.py --benchmark-enable -s

in a process of its own, on a machine that does nothing else. Both codecs take turns, round by
round, so that whatever else the machine does slows both.
"""

import itertools
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any

import imagecodecs
import numpy as np
import pytest
import zarr
from pytest_benchmark.fixture import BenchmarkFixture

from numcodecs_neural import NeuralImage, NeuralImageCodec, config
from tests.annotations import Image, Psnr

THREADS = 2
CHUNK_PX = 512
QUALITY = 60
SIDE_PX, SMALL_PX = 4096, 1024
ROUNDS = 7
# What numba must reach alone; the aim is 1.3.
LEAST_RATIO = 0.45


@pytest.fixture(autouse=True)
def two_threads_without_torch() -> Iterator[None]:
    with config.set(device="numpy", threads=THREADS):
        yield


@pytest.fixture
def section(tissue: Image, *, is_measured: bool) -> Image:
    """Return a large section (c, y, x), mirrored from the tissue image of scikit-image.

    Its period is no multiple of a chunk, so that no two chunks are alike.
    """
    side = SIDE_PX if is_measured else SMALL_PX
    piece = tissue[:, :451, :487]
    double = np.concatenate([piece, piece[:, ::-1]], axis=1)
    quad = np.concatenate([double, double[:, :, ::-1]], axis=2)
    times = [-(-side // n) for n in quad.shape[1:]]
    return np.ascontiguousarray(np.tile(quad, (1, *times))[:, :side, :side])


def test_decode_speed_beside_jpeg_xl(
    benchmark: BenchmarkFixture, section: Image, psnr: Psnr, tmp_path: Path, *, is_measured: bool
) -> None:
    array = stored(section, tmp_path / "tissue.zarr")
    decoded = np.asarray(array[:])
    tiles, ours = tiles_of(section), tiles_of(decoded)
    target = psnr(section, decoded)
    streams = jpeg_xl_like(ours, tiles, psnr)
    peer_times: list[float] = []

    def decode_peer() -> None:
        start = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(decode_jpeg_xl, streams))
        peer_times.append(time.perf_counter() - start)

    again = benchmark.pedantic(
        lambda: array[:], setup=decode_peer, rounds=ROUNDS if is_measured else 1
    )

    np.testing.assert_array_equal(again, decoded)
    peer = [decode_jpeg_xl(stream) for stream in streams]
    assert psnr(np.stack(tiles), np.stack(peer)) == pytest.approx(
        target, abs=0.1 if is_measured else 0.5
    )
    if is_measured:
        assert "torch" not in sys.modules
        report_decoding(benchmark, section, peer_times, target)
        assert benchmark.extra_info["ratio"] >= LEAST_RATIO


def test_encode_speed(
    benchmark: BenchmarkFixture, section: Image, psnr: Psnr, tmp_path: Path, *, is_measured: bool
) -> None:
    numbers = itertools.count()
    part = section[:, :2048, :2048]

    array = benchmark.pedantic(
        lambda: stored(part, tmp_path / f"{next(numbers)}.zarr"),
        rounds=3 if is_measured else 1,
        warmup_rounds=1 if is_measured else 0,
    )

    assert psnr(part, np.asarray(array[:])) > 30
    if is_measured:
        benchmark.extra_info["Mpx/s"] = part[0].size / median(rounds(benchmark)) / 1e6
        say(f"encoding {benchmark.extra_info['Mpx/s']:.1f} Mpx/s on {THREADS} threads")


@pytest.mark.gpu
def test_decode_speed_on_cuda(
    benchmark: BenchmarkFixture, section: Image, tmp_path: Path, *, is_measured: bool
) -> None:
    torch = pytest.importorskip("torch", reason="CUDA needs torch, which is not installed")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device here")
    array = stored(section, tmp_path / "tissue.zarr")
    expected = np.asarray(array[:])

    with config.set(device="cuda"), zarr.config.set({"async.concurrency": 64}):
        decoded = benchmark.pedantic(
            lambda: array[:],
            rounds=ROUNDS if is_measured else 1,
            warmup_rounds=1 if is_measured else 0,
        )

    np.testing.assert_array_equal(decoded, expected)
    if is_measured:
        benchmark.extra_info["Mpx/s"] = section[0].size / median(rounds(benchmark)) / 1e6
        say(f"decoding {benchmark.extra_info['Mpx/s']:.1f} Mpx/s on CUDA")


def test_no_two_chunks_of_the_section_are_alike(section: Image) -> None:
    chunks = {NeuralImage(quality=0).encode(section[chunk]) for chunk in grid(section)[:4]}

    assert len(chunks) == 4


def stored(pixels: Image, path: Path) -> zarr.Array[Any]:
    """Write an array of chunks of 3 x 512 x 512, and return it."""
    array = zarr.create_array(
        path,
        shape=pixels.shape,
        chunks=(3, CHUNK_PX, CHUNK_PX),
        dtype="uint8",
        serializer=NeuralImageCodec("he-fast", quality=QUALITY),
        compressors=None,
    )
    array[:] = pixels
    return array


def grid(pixels: Image) -> list[tuple[slice, slice, slice]]:
    """Return where the chunks of (c, y, x) lie."""
    starts = range(0, pixels.shape[1], CHUNK_PX)
    return [
        (slice(None), slice(y, y + CHUNK_PX), slice(x, x + CHUNK_PX))
        for y in starts
        for x in starts
    ]


def tiles_of(pixels: Image) -> list[Image]:
    """Cut (c, y, x) into the chunks that it is stored in, each as (y, x, c)."""
    return [np.ascontiguousarray(pixels[chunk].transpose(1, 2, 0)) for chunk in grid(pixels)]


def jpeg_xl_like(ours: list[Image], tiles: list[Image], psnr: Psnr) -> list[bytes]:
    """Encode `tiles` at the distance that gives the PSNR of `ours`, found on every 13th."""
    sample = tiles[::13]
    target = psnr(np.stack(sample), np.stack(ours[::13]))

    def psnr_at(log_distance: float) -> float:
        decoded = [decode_jpeg_xl(encode_jpeg_xl(tile, exp(log_distance))) for tile in sample]
        return psnr(np.stack(sample), np.stack(decoded))

    # Secants: PSNR falls almost linearly with the logarithm of the distance.
    (a, psnr_a), (b, psnr_b) = ((x, psnr_at(x)) for x in (log(0.5), log(1.5)))
    while abs(psnr_b - target) > 0.02:
        a, psnr_a, b = b, psnr_b, b + (target - psnr_b) * (b - a) / (psnr_b - psnr_a)
        psnr_b = psnr_at(b)
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda tile: encode_jpeg_xl(tile, exp(b)), tiles))


def encode_jpeg_xl(pixels: Image, distance: float) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(pixels, distance=distance, effort=7, numthreads=1))


def decode_jpeg_xl(stream: bytes) -> Image:
    pixels: Image = imagecodecs.jpegxl_decode(stream, numthreads=1)
    return pixels


def report_decoding(
    benchmark: BenchmarkFixture, section: Image, peer_times: list[float], target: float
) -> None:
    """Say what was measured, and keep it in the benchmark's JSON."""
    megapixels = section[0].size / 1e6
    ours, peer = median(rounds(benchmark)), median(peer_times)
    benchmark.extra_info |= {
        "Mpx/s": megapixels / ours,
        "JPEG XL Mpx/s": megapixels / peer,
        "PSNR": target,
        # Of the rounds, not of the medians: what slows a round slows both.
        "ratio": median(p / o for p, o in zip(peer_times, rounds(benchmark), strict=True)),
    }
    say(
        f"decoding {megapixels:.1f} Mpx at {target:.1f} dB on {THREADS} threads, without torch, "
        f"median of {ROUNDS}: {megapixels / ours:.1f} Mpx/s through zarr; "
        f"JPEG XL {megapixels / peer:.1f} Mpx/s; ratio {benchmark.extra_info['ratio']:.2f}"
    )


def rounds(benchmark: BenchmarkFixture) -> list[float]:
    """Return the seconds of each round."""
    assert benchmark.stats is not None
    return list(benchmark.stats.stats.data)


def say(text: str) -> None:
    print(f"\n{text}")
