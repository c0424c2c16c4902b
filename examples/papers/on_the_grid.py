# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[convert,evaluate]", "numpy", "pillow"]
# ///
"""Lossy variants of a slide's own JPEG coefficients against lossy codecs of its pixels.

python on_the_grid.py SLIDE [SLIDE...] [--side 512] [--crops 2] [--model he-fast]
    [--peers jpeg420,jpeg444,jpegxl]

Slides are in colour. Crops are made of whole tiles, or begin with a minimum coded unit, so that
every codec meets the blocks of the source's JPEG where they are. Each crop is coded exactly, in
mode `jpeg`, and then with loss: its steps become multiples of themselves up to a limit, as by
`--jpeg-quality`, or all of them become larger by one factor, or coefficients are lowered or dropped
that cost more bits than they are worth to SSIM; the result is coded in mode `jpeg` again. Other
codecs code the pixels. Sizes at equal SSIM with the source's pixels are read off each curve, and
given in percent of the exact chunk, as means over all crops. The last row compares, crop by crop,
the smallest variant or the exact chunk, whichever is smaller, with the smallest other codec.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
from papers_common import spread, table
from papers_weights import rgb_coders

from numcodecs_neural import NeuralImage
from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import SlideSource, open_source
from numcodecs_neural.evaluation.coders import ImageCoder
from numcodecs_neural.evaluation.curves import Point, rate_at
from numcodecs_neural.evaluation.kinds import RGB, SPAN
from numcodecs_neural.evaluation.measures import SSIM
from numcodecs_neural.evaluation.peers import peer_entrants
from numcodecs_neural.format import Mode, unpack_chunk
from numcodecs_neural.jpeg import Colour
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.offers import offered
from numcodecs_neural.jpeg.requantize import requantized
from numcodecs_neural.measure import metrics

LEVELS = (0.95, 0.97, 0.98, 0.99, 0.995)
QUALITIES = (30, 50, 70, 80, 90, 100)
PEER_SETTINGS = {
    "jpeg420": (50, 70, 80, 90, 95, 98),
    "jpeg444": (50, 70, 80, 90, 95, 98),
    "jpegxl": (4, 2.5, 1.5, 0.8, 0.4, 0.15),
}
JPEG_QUALITIES = (99, 98, 97, 96, 95, 93, 91, 89, 87, 85, 83, 80, 75, 70, 60)
FACTORS = (1.25, 1.5, 2, 3, 4, 6, 8)
# Squared errors on flat ground that a bit is worth.
PRICES = (1, 2, 4, 8, 16, 40)
# Small variances count as this much: the second constant of SSIM.
FLAT = (0.03 * 255) ** 2
# Squared error of R, G and B for one of Y, Cb and Cr.
YCBCR_GAINS = (3, 1.772**2 + 0.344**2, 1.402**2 + 0.714**2)
LARGEST = 15  # magnitudes from here on are counted together
CLASSES = 8


# By codec its size at each level of SSIM, over that of the exact chunk; None if out of reach.
Sizes = dict[str, list[float | None]]


@dataclass(frozen=True)
class Crop:
    """Pixels of a slide, and the JPEG tiles behind them."""

    pixels: np.ndarray
    mosaic: Mosaic
    exact: int  # bytes of the chunk that keeps it


def main() -> None:
    options = parse()
    coders = [*rgb_coders(options.model, QUALITIES), *map(peer, options.peers.split(","))]
    crops = [crop for p in options.paths for crop in read_crops(p, options.side, options.crops)]
    print(report([sizes(crop, coders) for crop in crops], [coder.name for coder in coders]))


def peer(name: str) -> ImageCoder:
    coder = peer_entrants([name])[0].coder_for(RGB)
    return replace(coder, settings=PEER_SETTINGS[name])


def read_crops(path: Path, side: int, count: int) -> list[Crop]:
    """Return some crops of a slide, spread over the third of all that vary most."""
    source = open_source(path)
    try:
        regions = whole_regions(source, side)
        detail = [source.read_region(region).std() for region in regions]
        wanted = np.flatnonzero(detail >= np.quantile(detail, 2 / 3))
        return [read_crop(source, regions[number]) for number in spread(wanted, count)]
    finally:
        source.close()


def whole_regions(source: SlideSource, side: int) -> list[Region]:
    tiles = source.jpeg_tiles()
    if not tiles.fits(side):
        raise SystemExit(tiles.reason or f"tiles of {tiles.tile}: give --side a multiple of them")
    height, width = source.info.shape
    rows, columns = range(0, height - side + 1, side), range(0, width - side + 1, side)
    return [Region(y, x, side, side) for y in rows for x in columns]


def read_crop(source: SlideSource, region: Region) -> Crop:
    mosaic = source.read_mosaic(region)
    pixels = source.read_region(region)
    return Crop(pixels, mosaic, len(stored(mosaic, pixels)))


def stored(mosaic: Mosaic, pixels: np.ndarray) -> bytes:
    """Return the chunk that keeps a mosaic's coefficients."""
    with offered([(pixels, -1, mosaic)]):
        chunk = NeuralImage("he-fast", channel_axis=-1).encode(pixels)
    if unpack_chunk(chunk).header.mode is not Mode.JPEG:
        raise SystemExit("the coefficients of a crop were not kept")
    return bytes(chunk)


def sizes(crop: Crop, coders: Sequence[ImageCoder]) -> Sizes:
    """Return what every codec and variant needs for a crop."""
    points = {coder.name: [coded(crop, coder, s) for s in coder.settings] for coder in coders}
    for name, mosaics in variants(crop.mosaic):
        points[name] = [kept(crop, mosaic) for mosaic in mosaics]
    decibels = [SSIM.to_db(level) for level in LEVELS]
    return {name: [rate_at(own, SSIM, db) for db in decibels] for name, own in points.items()}


def coded(crop: Crop, coder: ImageCoder, setting: float) -> Point:
    chunk = coder.encode(crop.pixels, setting, SPAN)
    return point(crop, setting, len(chunk), coder.decode(chunk, setting, crop.pixels.shape))


def kept(crop: Crop, mosaic: Mosaic) -> Point:
    y, x = mosaic.offset
    height, width = crop.pixels.shape[:2]
    pixels = np.ascontiguousarray(mosaic.pixels()[y : y + height, x : x + width])
    return point(crop, 0, len(stored(mosaic, pixels)), pixels)


def point(crop: Crop, setting: float, nbytes: int, decoded: np.ndarray) -> Point:
    """Return a point whose rate is in exact chunks, not in bits."""
    ssim, psnr = (score(crop.pixels, decoded) for score in (metrics.ssim, metrics.psnr))
    return Point(setting=setting, bpp=nbytes / crop.exact, psnr=psnr, ssim=ssim)


def variants(mosaic: Mosaic) -> Iterator[tuple[str, list[Mosaic]]]:
    """Yield the lossy variants by name, each at several strengths."""
    yield "multiples of steps", [requantized(mosaic, quality) for quality in JPEG_QUALITIES]
    yield "larger steps", [larger(mosaic, factor) for factor in FACTORS]
    yield "dropped", [priced(mosaic, price) for price in PRICES]


def larger(mosaic: Mosaic, factor: float) -> Mosaic:
    """Return the mosaic with coefficients rounded to steps that are larger by a factor."""
    steps = tuple(tuple(round(factor * step) for step in each) for each in mosaic.steps)
    scaled = (
        blocks * (np.array(own) / coarser)
        for blocks, own, coarser in zip(mosaic.coefficients, mosaic.steps, steps, strict=True)
    )
    return replace(mosaic, steps=steps, coefficients=tuple(np.rint(v).astype("i2") for v in scaled))


def priced(mosaic: Mosaic, price: float) -> Mosaic:
    """Return the mosaic with coefficients lowered or dropped where bits are worth more.

    Of itself, the one below it in magnitude, and zero, each takes the one with the least error plus
    `price` times bits. DC stays.
    """
    planes = []
    for number, each in enumerate(mosaic.steps):
        worth = np.array(each) ** 2 * weights(mosaic, number)[..., np.newaxis]
        planes.append(cheapest(mosaic.coefficients[number], worth, price))
    return replace(mosaic, coefficients=tuple(planes))


def weights(mosaic: Mosaic, number: int) -> np.ndarray:
    """Return what a squared error costs SSIM in each block: less, where it varies more."""
    is_ycbcr = mosaic.colour is Colour.YCBCR
    masking = 0 if is_ycbcr else number
    coefficients = mosaic.coefficients[masking] * np.array(mosaic.steps[masking], float)
    variance = (coefficients[..., 1:] ** 2).sum(axis=-1) / 64
    rows, columns = mosaic.coefficients[number].shape[:2]
    down, across = variance.shape[0] // rows, variance.shape[1] // columns
    sensitivity = FLAT / (2 * variance + FLAT)
    joined = sensitivity.reshape(rows, down, columns, across).sum(axis=(1, 3))
    return joined * (YCBCR_GAINS[number] if is_ycbcr else 1)


def cheapest(coefficients: np.ndarray, worth: np.ndarray, price: float) -> np.ndarray:
    """Return the cheapest of the candidates for each coefficient."""
    levels = own = np.abs(coefficients.astype(float))
    candidates = [own, np.maximum(own - 1, 0), np.zeros_like(own)]
    errors = [worth * (own - level) ** 2 for level in candidates]
    for _ in range(2):  # prices follow from what is chosen
        bits = bits_of(levels, candidates)
        costs = [error + price * rate for error, rate in zip(errors, bits, strict=True)]
        levels = np.choose(np.argmin(costs, axis=0), candidates)
        levels[..., 0] = own[..., 0]
    return (np.sign(coefficients) * levels).astype(np.int16)


def bits_of(levels: np.ndarray, candidates: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the bits of candidates by what is frequent: for each frequency, in like blocks."""
    busy = np.log2(1 + (levels[..., 1:] > 0).sum(axis=-1, keepdims=True))
    block = np.minimum(np.rint(busy).astype(int), CLASSES - 1)
    place = np.arange(64), np.broadcast_to(block, levels.shape)
    counts = np.full((64, CLASSES, LARGEST + 1), 0.1)
    np.add.at(counts, (*place, capped(levels)), 1)
    bits = -np.log2(counts / counts.sum(axis=-1, keepdims=True))
    return [bits[(*place, capped(c))] + (c > 0) + 2 * beyond(c) for c in candidates]


def capped(levels: np.ndarray) -> np.ndarray:
    return np.minimum(levels, LARGEST).astype(int)


def beyond(levels: np.ndarray) -> np.ndarray:
    """Return half the bits of an Elias gamma code for what exceeds the largest counted level."""
    return np.log2(np.maximum(levels - LARGEST, 0) + 1)


def report(found: Sequence[Sizes], others: Sequence[str]) -> str:
    """Return the table: one row for each codec and variant, and one that compares the two."""
    rows = [
        [codec, *(percent([crop[codec][at] for crop in found]) for at in range(len(LEVELS)))]
        for codec in found[0]
    ]
    gains = [percent([gain(crop, others, at) for crop in found], "+") for at in range(len(LEVELS))]
    header = [f"{len(found)} crops", *(f"SSIM {level}" for level in LEVELS)]
    return table(header, [*rows, ["best variant or exact against best other", *gains]])


def gain(crop: Sizes, others: Sequence[str], at: int) -> float | None:
    """Return by how much a crop's best variant differs from the best of `others` at a level."""
    rivals = [size for name in others if (size := crop[name][at]) is not None]
    own = [size for name in crop.keys() - set(others) if (size := crop[name][at]) is not None]
    return min([1.0, *own]) / min(rivals) - 1 if rivals else None


def percent(values: Sequence[float | None], sign: str = "") -> str:
    """Return the mean over crops, or nothing where one has no value."""
    known = [value for value in values if value is not None]
    return f"{100 * fmean(known):{sign}.0f} %" if len(known) == len(values) else ""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="SLIDE")
    parser.add_argument("--side", type=int, default=512, help="pixels")
    parser.add_argument("--crops", type=int, default=2, help="of each slide")
    parser.add_argument("--model", default="he-fast", help="a name, or the stem of two files")
    parser.add_argument("--peers", default=",".join(PEER_SETTINGS), help="other codecs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
