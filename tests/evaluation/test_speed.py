"""Speeds are of the pixels that were coded, by the clock and by the processor."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from numcodecs_neural.evaluation import Point
from numcodecs_neural.evaluation.coders import ImageCoder
from numcodecs_neural.evaluation.crops import Crop
from numcodecs_neural.evaluation.speed import like_quality, measure_speed
from tests.annotations import Image

CHUNKS = tuple(np.zeros((16, 16, 3), np.uint8) for _ in range(20))
POINT = Point(setting=3, bpp=1, psnr=36.5)


def spin(seconds: float) -> None:
    stop = time.thread_time() + seconds
    while time.thread_time() < stop:
        pass


def test_both_clocks_count_what_was_coded() -> None:
    seen = []

    def encode(_pixels: object, setting: float, _span: tuple[int, int]) -> bytes:
        seen.append(setting)
        spin(0.004)
        return b""

    def decode(_s: bytes, _setting: float, _shape: tuple[int, ...]) -> Image:
        spin(0.001)
        return CHUNKS[0]

    coder = ImageCoder(name="slow", settings=(3,), encode=encode, decode=decode)
    with ThreadPoolExecutor(1) as pool:
        speed = measure_speed(Crop(chunks=CHUNKS), coder, POINT, pool=pool, workers=1)

    # No more than 16 chunks are timed.
    assert seen == [3] * 16
    assert (speed.pixels, speed.workers, speed.psnr) == (16 * 256, 1, 36.5)
    # At least what was spun; the clock runs on beside it.
    assert 0.004 / 256 * 1e9 <= speed.encode_cpu_ns < 2 * 0.004 / 256 * 1e9
    assert speed.decode_cpu_ns >= 0.001 / 256 * 1e9
    assert speed.encode_mpx_s <= 256 / 0.004 / 1e6


@pytest.mark.parametrize(("psnr", "setting"), [(20, 1), (33.9, 2), (36.1, 3), (99, 3)])
def test_like_quality_is_the_nearest_psnr(psnr: float, setting: int) -> None:
    curve = [Point(setting=n, bpp=n, psnr=30 + 4 * (n - 1)) for n in (1, 2, 3)]

    assert like_quality(curve, psnr).setting == setting
