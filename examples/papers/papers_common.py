"""What the experiments share: crops of images, Markdown tables, and figures."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from numcodecs_neural.evaluation.crops import NATIVE, Crop
from numcodecs_neural.evaluation.images import find_sets

TICKS_BPP = (0.1, 0.2, 0.5, 1, 2, 5)
DPI = 100
COLOURS = 256
MARKERS = "osDv^<>pP*X"


def read_patches(paths: Iterable[Path], count: int | None = None) -> list[np.ndarray]:
    """Return 8-bit RGB patches (512, 512, 3), off the grid of the source's JPEG.

    Of each set `count` at most, spread over its images evenly.
    """
    patches = []
    for found in find_sets(paths):
        images = [image.read() for image in found.images]
        rgb = [image for image in images if image.shape[2:] == (3,) and image.dtype == np.uint8]
        inside = [chunk for image in rgb for chunk in Crop.of(image, NATIVE).chunks]
        patches += spread(inside, count)
    return [np.ascontiguousarray(patch) for patch in patches]


def spread(items: Sequence[Any], count: int | None) -> list[Any]:
    """Return `count` of the items at even distances, or all where there are no more."""
    if count is None or count >= len(items):
        return list(items)
    return [items[(2 * number + 1) * len(items) // (2 * count)] for number in range(count)]


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; the first column is text, the others are figures."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines) + "\n"


def new_figure(panels: int, *, height: float = 4.0) -> tuple[Any, list[Any]]:
    """Return a figure and its panels, side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1 + 4.2 * panels, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for panel in axes:
        panel.grid(visible=True, alpha=0.25)
    return figure, list(axes)


def rate_axis(panel: Any, label: str = "bits per pixel") -> None:
    """Make the x axis one of rates: logarithmic, with ticks that one can read."""
    panel.set_xscale("log")
    panel.set_xticks(TICKS_BPP, [f"{rate:g}" for rate in TICKS_BPP])
    panel.minorticks_off()
    panel.set_xlabel(label)


def save_figure(figure: Any, path: Path) -> None:
    """Write a PNG in few colours, which holds nothing of when and by what it was made."""
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI)
    Image.open(buffer).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
        path, format="PNG", optimize=True
    )
