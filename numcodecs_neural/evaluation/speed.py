"""How fast each codec encodes and decodes, on the same chunks and at like quality."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from numcodecs_neural.evaluation.coders import ImageCoder
from numcodecs_neural.evaluation.crops import Crop
from numcodecs_neural.evaluation.curves import Point

__all__ = ["AT_PSNR_DB", "Speed", "like_quality", "measure_speed"]

# Where no JPEG at quality 80 says what like quality is.
AT_PSNR_DB = 36.0
MAX_CHUNKS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast a codec is.

    Parameters
    ----------
    coder : str
    setting, psnr : float
        What it was timed at.
    pixels, workers : int
        How many pixels were coded, and how many chunks at once.
    encode_mpx_s, decode_mpx_s : float
        Megapixels per second of wall time.
    encode_cpu_ns, decode_cpu_ns : float
        Nanoseconds of processor time for each pixel, of all threads together.
    """

    coder: str
    setting: float
    psnr: float
    pixels: int
    workers: int
    encode_mpx_s: float
    decode_mpx_s: float
    encode_cpu_ns: float
    decode_cpu_ns: float


def like_quality(curve: Sequence[Point], psnr: float) -> Point:
    """Return the point of a curve whose PSNR is the nearest."""
    return min(curve, key=lambda point: abs(point.psnr - psnr))


def measure_speed(
    crop: Crop, coder: ImageCoder, point: Point, *, pool: Executor, workers: int
) -> Speed:
    """Time a codec on the chunks of a crop, at most 16 of them, `workers` at once.

    It has coded these chunks before: compiling and loading is not timed. Nothing else may run in
    the process meanwhile, since processor time is that of all its threads.
    """
    chunks = crop.chunks[:MAX_CHUNKS]

    def encode(number: int) -> bytes:
        return coder.encode(chunks[number], point.setting, crop.span)

    def decode(number: int) -> object:
        return coder.decode(stored[number], point.setting, chunks[number].shape)

    stored, encode_wall, encode_cpu = _timed(pool, encode, len(chunks))
    _, decode_wall, decode_cpu = _timed(pool, decode, len(chunks))
    pixels = sum(chunk.shape[0] * chunk.shape[1] for chunk in chunks)
    return Speed(
        coder=coder.name,
        setting=point.setting,
        psnr=point.psnr,
        pixels=pixels,
        workers=workers,
        encode_mpx_s=pixels / encode_wall / 1e6,
        decode_mpx_s=pixels / decode_wall / 1e6,
        encode_cpu_ns=encode_cpu / pixels * 1e9,
        decode_cpu_ns=decode_cpu / pixels * 1e9,
    )


def _timed(
    pool: Executor, function: Callable[[int], Any], count: int
) -> tuple[list[Any], float, float]:
    """Return the results, and the seconds of wall and of processor time that they took."""
    wall, cpu = time.perf_counter(), time.process_time()
    results = list(pool.map(function, range(count)))
    return results, time.perf_counter() - wall, time.process_time() - cpu
