"""The overview of a slide, and what it says of light and glass."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from numcodecs_neural.converters.sources.demo import DemoSource
from numcodecs_neural.converters.tissue import (
    find_tissue,
    glass_colour,
    glass_grey,
    is_bright_field,
    read_overview,
)
from tests.annotations import Image, Rng

from .tissue_slides import glass, overview, stained


def test_an_overview_without_small_levels_is_read_in_squares(
    source_of: Callable[..., Any], slide: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numcodecs_neural.converters.tissue import overview as module

    single = source_of(slide)
    object.__setattr__(single.info, "level_shapes", (slide.shape[:2],))
    monkeypatch.setattr(module, "_BLOCK_PX", 512)

    seen = read_overview(single)

    assert seen.pixels.shape == (188, 163, 3)
    blocks = slide[:1496, :1296].reshape(187, 8, 162, 8, 3).mean((1, 3))
    assert np.abs(seen.pixels[:187, :162] - blocks).max() <= 1.5
    assert seen.downsample == 1501 / 188
    assert (single.reads == 1).all()


def test_an_overview_is_never_larger_than_it_may_be(source_of: Callable[..., Any]) -> None:
    wide = source_of(np.full((40, 33000, 3), 240, np.uint8))
    object.__setattr__(wide.info, "level_shapes", ((40, 33000),))

    assert read_overview(wide).pixels.shape == (2, 1032, 3)


def test_the_colour_of_glass_is_its_most_frequent_one(rng: Rng, tissue: Image) -> None:
    pixels = glass(rng)
    pixels[:100, :200] = stained(tissue)[:100, :200]

    assert np.abs(np.subtract(glass_colour(overview(pixels)), (225, 212, 226))).max() <= 2


def test_the_colour_of_glass_is_not_that_of_unscanned_white(rng: Rng) -> None:
    pixels = np.full((300, 300, 3), 255, np.uint8)
    pixels[100:200, 100:] = glass(rng)[100:200, 100:]

    assert np.abs(np.subtract(glass_colour(overview(pixels)), (225, 212, 226))).max() <= 2


def test_the_grey_of_glass_is_the_mean_of_its_channels_whatever_the_tissue(
    rng: Rng, tissue: Image
) -> None:
    pixels = glass(rng)
    pixels[:100, :200] = stained(tissue)[:100, :200]
    mask = np.zeros((300, 300), bool)
    mask[:100, :200] = True

    assert glass_grey(overview(pixels), mask) == 221


def test_a_black_frame_is_no_glass(rng: Rng) -> None:
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[100:220, 100:] = glass(rng)[100:220, 100:]

    assert glass_grey(overview(pixels), np.zeros((300, 300), bool)) == 221


def test_where_most_was_not_scanned_its_white_is_the_grey(rng: Rng) -> None:
    pixels = np.full((300, 300, 3), 255, np.uint8)
    pixels[100:200, 100:] = glass(rng)[100:200, 100:]

    assert glass_grey(overview(pixels), np.zeros((300, 300), bool)) == 255


@pytest.mark.parametrize("kind", ["no glass", "all tissue"])
def test_where_glass_is_not_known_the_grey_is_white(kind: str, rng: Rng, tissue: Image) -> None:
    pixels = glass(rng) if kind == "all tissue" else stained(tissue)[:300, :300] // 2
    mask = np.full(pixels.shape[:2], kind == "all tissue")

    assert glass_grey(overview(pixels), mask) == 255


def lit(kind: str, rng: Rng, tissue: Image) -> Image:
    """Return a slide that was lit from behind."""
    pixels = glass(rng)
    if kind == "section":
        pixels[50:250, 50:250] = stained(tissue)[:200, :200]
    elif kind == "section in a black frame":
        pixels[50:250, 50:250] = stained(tissue)[:200, :200]
        pixels[:120] = pixels[220:] = pixels[:, :100] = 3
    elif kind == "tissue without glass":
        pixels = stained(tissue)[:300, :300]
    elif kind == "dark tissue without glass":
        pixels = (stained(tissue)[:300, :300] * 0.75).astype(np.uint8)
    return pixels


@pytest.mark.parametrize(
    "kind",
    [
        *("clean glass", "section", "section in a black frame"),
        *("tissue without glass", "dark tissue without glass"),
    ],
)
def test_lit_slides_are_bright_field(kind: str, rng: Rng, tissue: Image) -> None:
    assert is_bright_field(overview(lit(kind, rng, tissue)))


def shining(kind: str, rng: Rng) -> Image:
    """Return fluorescence, as scanners render it."""
    pixels = np.zeros((300, 300, 3), np.uint8)
    y, x = np.mgrid[:300, :300]
    nuclei = ((y % 20 - 10) ** 2 + (x % 20 - 10) ** 2 < 20).astype(np.uint8)
    if kind == "one blue cell":
        pixels[50:90, 50:90, 2] = 220
    elif kind == "saturated grey nuclei":
        pixels[:] = 255 * nuclei[..., None]
    elif kind == "nuclei in a haze":
        pixels[:] = 30 + 200 * nuclei[..., None] * np.array([0, 1, 1], np.uint8)
    elif kind == "noise":
        pixels[:] = rng.integers(0, 40, (300, 300, 1))
    return pixels


@pytest.mark.parametrize(
    "kind", ["nothing", "one blue cell", "saturated grey nuclei", "nuclei in a haze", "noise"]
)
def test_fluorescence_is_not_bright_field(kind: str, rng: Rng) -> None:
    assert not is_bright_field(overview(shining(kind, rng)))


def test_the_demo_slide_is_the_same_each_time_and_has_tissue_on_glass() -> None:
    demo = DemoSource()

    mask = find_tissue(read_overview(demo))

    assert (DemoSource()._pixels == demo._pixels).all()
    assert 0.1 < mask.mean() < 0.3
