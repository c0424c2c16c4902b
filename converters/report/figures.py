"""The figures of a slide: the whole of it, its tissue mask, bits per pixel, and crops."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..geometry.levels import LevelGrid
from ..pipeline.coverage import ELIDED
from ..tissue import grown
from .crops import Place, Places
from .facts import SlideFacts
from .html import Html, element, joined, picture
from .pictures import COLOUR_MAP, as_jpeg, as_png, blended, coloured, hatched, outlined
from .stored_slide import StoredSlide
from .tables import shown

__all__ = ["crops_figure", "first_channel", "map_figure", "mask_figure", "overview_figures"]

_TISSUE, _MARGIN, _ELIDED, _LOST = (0, 150, 60), (225, 110, 0), (70, 80, 95), (220, 30, 40)
_T = TypeVar("_T", bound=np.generic)
# More chunks than that have a few that stand out, and would take all colours for themselves.
_FEW_CHUNKS = 100


def overview_figures(facts: SlideFacts, stored: StoredSlide) -> list[Html]:
    """Return the slide, each channel for itself, and where the crops are."""
    grid = stored.grids[0]
    size = f"{grid.width} x {grid.height} pixels"
    marks = [] if facts.places is None else list(_marks(facts.places, grid))
    figures = []
    for number, (name, pixels) in enumerate(facts.overviews):
        image = picture(as_jpeg(pixels), _shape(pixels), f"the slide {name}".strip())
        frame = element("div", image, *(marks if number == 0 else []), class_="marked")
        told = f"{name}: {size}" if name else f"The slide: {size}"
        figures.append(_figure(frame, told, _frames(stored) if number == 0 else None))
    return figures


def mask_figure(facts: SlideFacts, stored: StoredSlide) -> Html | None:
    """Return the tissue mask over the slide: with its margin, and with what is not stored."""
    if facts.mask is None:
        return None
    pixels = _rgb(facts.overviews[0][1])
    glass = stored.block["glass"]
    per_px = max(stored.grids[0].height, stored.grids[0].width) / max(facts.mask.shape)
    kept = grown(facts.mask, int(np.ceil(glass["margin_px"] / per_px)))
    elided = np.zeros(facts.mask.shape, bool)
    if facts.chunks is not None:
        elided = _in_pixels(facts.chunks.coverage == ELIDED, stored.grids[0], facts.mask.shape)
    pixels = blended(pixels, elided, _ELIDED, 0.25)
    pixels = blended(pixels, hatched(elided), _ELIDED, 0.5)
    pixels = blended(pixels, facts.mask, _TISSUE, 0.2)
    pixels = blended(pixels, outlined(kept), _MARGIN, 1)
    pixels = blended(pixels, outlined(facts.mask), _TISSUE, 1)
    entries = [("tissue", _TISSUE), ("margin", _MARGIN)]
    if elided.any():
        entries.append(("chunks not stored", _ELIDED))
    image = picture(as_jpeg(pixels), _shape(pixels), "the tissue mask over the slide")
    return _figure(image, "The tissue mask", _legend(entries))


def map_figure(facts: SlideFacts, stored: StoredSlide) -> Html | None:
    """Return bits per pixel chunk by chunk, with a colour bar and numbers."""
    chunks = facts.chunks
    if chunks is None or not chunks.is_any_stored or not facts.overviews:
        return None
    known = chunks.bpp[np.isfinite(chunks.bpp)]
    most = float(known.max())
    top = most if known.size <= _FEW_CHUNKS else float(np.percentile(known, 99, method="higher"))
    colours = coloured(chunks.bpp / top)
    colours[chunks.lost] = (*_LOST, 255)
    # As large as the slide's own picture, so that one can be held against the other.
    colours = _in_pixels(colours, stored.grids[0], facts.overviews[0][1].shape)
    image = picture(
        as_png(colours), _shape(colours), "bits per pixel of each chunk", class_="map hatch"
    )
    numbers = (
        f"Least {known.min():.2f}, median {np.median(known):.2f}, mean {chunks.mean_bpp:.2f}, "
        f"most {most:.2f}; {known.size} stored."
    )
    is_partial = bool((chunks.nbytes == 0).any())
    return _figure(
        joined(image, _colour_bar(top, is_cut=top < most)),
        "Bits per pixel of level 0, chunk by chunk",
        f"{numbers}{first_channel(stored)}",
        joined(element("i", class_="swatch hatch"), "not stored") if is_partial else None,
        _legend([("lost", _LOST)]) if chunks.lost.any() else None,
    )


def first_channel(stored: StoredSlide) -> str:
    """Return a sentence that says which channel is shown, where there are several."""
    is_rgb = stored.axes.samples == 3
    return "" if is_rgb or len(stored.channels) == 1 else f" All of {stored.channels[0][0]}."


def crops_figure(places: Places) -> Html:
    """Return original, stored and difference of each place, side by side."""
    headings = ("original", "stored", _difference(places.gain))
    head = (element("div", heading, class_="heading") for heading in headings)
    rows = (_crop(number, place) for number, place in enumerate(places.crops, 1))
    return element("div", element("div", *head, class_="three"), *rows, class_="crops")


def _crop(number: int, place: Place) -> Html:
    region = place.region
    where = f"x {region.x}, y {region.y}, {region.width} x {region.height} pixels of level 0"
    quality = "nothing lost" if place.psnr_db is None else f"{place.psnr_db:.2f} dB"
    row, column = place.chunk
    told = (
        f"{where}. Chunk in row {row}, column {column}: {shown(place.nbytes / 1e3, 1)} kB, "
        f"{quality}{': the worst of those compared' if place.is_worst else ''}."
    )
    images = (
        picture(as_png(pixels), _shape(pixels), f"place {number}, {what}")
        for what, pixels in (
            ("original", place.original),
            ("stored", place.stored),
            ("difference", place.difference),
        )
    )
    mark = element("b", str(number), class_="mark")
    caption = element("figcaption", mark, " ", told)
    return element("figure", caption, element("div", *images, class_="three"))


def _difference(gain: int) -> str:
    if gain == 0:
        return "difference: none"
    return "difference" if gain == 1 else f"difference, {gain} times"


def _figure(content: Html, title: str, *told: str | None) -> Html:
    lines = (element("span", line) for line in told if line)
    caption = element("figcaption", element("b", title), *lines)
    return element("figure", content, caption)


def _marks(places: Places, grid: LevelGrid) -> "list[Html]":
    marks = []
    for number, place in enumerate(places.crops, 1):
        region = place.region
        left = 100 * (region.x + region.width / 2) / grid.width
        top = 100 * (region.y + region.height / 2) / grid.height
        style = f"left:{left:.2f}%;top:{top:.2f}%"
        marks.append(element("b", str(number), class_="mark", style=style))
    return marks


def _frames(stored: StoredSlide) -> str | None:
    """Return what of a slide of many planes is shown."""
    others = [f"{length} along {axis}" for axis, length in stored.axes.frames if axis != "c"]
    return f"The first frame of {' and '.join(others)}." if others else None


def _legend(entries: list[tuple[str, tuple[int, int, int]]]) -> Html:
    items = (
        joined(
            element("i", class_="swatch", style=f"background:rgb{colour}".replace(" ", "")),
            f"{name} ",
        )
        for name, colour in entries
    )
    return joined(*items)


def _colour_bar(top: float, *, is_cut: bool) -> Html:
    stops = ",".join(f"rgb{colour}".replace(" ", "") for colour in COLOUR_MAP)
    bar = element("div", class_="bar", style=f"background:linear-gradient(90deg,{stops})")
    ticks = [f"{top * part / 4:.2f}" for part in range(5)]
    if is_cut:
        ticks[-1] += " or more"
    return element(
        "div",
        bar,
        element("div", *(element("span", tick) for tick in ticks), class_="ticks"),
        class_="scale",
    )


def _in_pixels(cells: NDArray[_T], grid: LevelGrid, shape: tuple[int, ...]) -> NDArray[_T]:
    """Return what is told of chunks of level 0 for each pixel of a small picture."""
    rows, columns = (
        (2 * np.arange(small) + 1) * size // (2 * small) // grid.chunk_px
        for small, size in zip(shape[:2], (grid.height, grid.width), strict=True)
    )
    return cells[np.ix_(rows, columns)]


def _rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1)


def _shape(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    return pixels.shape[0], pixels.shape[1]
