# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[convert,evaluate]", "numpy", "pillow"]
# ///
"""Sizes of a whole slide with glass kept, flattened and elided, at the SSIM of JPEG at quality 80.

python glass_treatments.py SLIDE [--codecs jpeg,jpegxl,neural] [--views off-grid,aligned,reduced]
    [--model he-fast] [--tune psnr] [--workers 1]

Each codec is set to the SSIM that JPEG (4:2:0, quality 80) has on all tissue of level 0, by whole
qualities, and converts the slide three times, as ``convert-to-omezarr`` does. Sizes are those of
all levels of the pyramid. A slide that was JPEG already is seen in three ways: off the grid of its
JPEG blocks, on it, and reduced by two, where its blocks are no more.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from papers_common import table

from numcodecs_neural.converters.codecs import ChunkKind, CodecFamily, family_of
from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.measure.sampling import sample_chunks
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.pipeline.plan import plan_conversion
from numcodecs_neural.converters.pipeline.rate_control import (
    Measured,
    Trial,
    setting_for_ssim,
    ssim_of,
)
from numcodecs_neural.converters.pipeline.summary import SlideReport
from numcodecs_neural.converters.sources import SlideSource, WithoutJpeg, open_source

JPEG_QUALITY = 80
TREATMENTS = ("keep", "flatten", "elide")
# First row and column, and how many pixels become one.
VIEWS = {"off-grid": (3, 5, 1), "aligned": (0, 0, 1), "reduced": (3, 5, 2)}


class View(WithoutJpeg):
    """A slide from some pixel on, and perhaps reduced: level 0 only."""

    def __init__(self, source: SlideSource, y: int, x: int, step: int) -> None:
        self._source = source
        self._y, self._x, self._step = y, x, step
        info = source.info
        height, width = (info.shape[0] - y) // step, (info.shape[1] - x) // step
        mpp = None if info.mpp is None else (step * info.mpp[0], step * info.mpp[1])
        self.info = replace(info, level_shapes=((height, width),), mpp=mpp)

    def read_region(
        self, region: Region, level: int = 0, frame: tuple[int, ...] = ()
    ) -> np.ndarray:
        step, height, width = self._step, region.height, region.width
        y, x = self._y + step * region.y, self._x + step * region.x
        pixels = self._source.read_region(Region(y, x, step * height, step * width))
        if step == 1:
            return pixels
        mean = pixels.reshape(height, step, width, step, -1).mean(axis=(1, 3))
        return np.rint(mean).astype(pixels.dtype)

    def read_associated(self, name: str) -> None:
        return None

    def close(self) -> None:
        self._source.close()


@dataclass(frozen=True)
class Row:
    """One codec at its quality, and what became of the slide with each treatment."""

    family: CodecFamily
    tissue: Measured
    reports: dict[str, SlideReport]


def main() -> None:
    options = parse()
    slide = open_source(options.slide)
    for name in options.views.split(","):
        view = View(slide, *VIEWS[name])
        rows = [
            Row(family, tissue, convert_all(view, family, int(tissue.setting), options))
            for family, tissue in codecs_at_equal_ssim(view, options)
        ]
        print(f"{name}: {summary(view, rows)}\n\n{report(rows)}", flush=True)
    slide.close()


def codecs_at_equal_ssim(
    view: View, options: argparse.Namespace
) -> Iterator[tuple[CodecFamily, Measured]]:
    """Yield each codec, and what it does to all tissue at the quality that is nearest to JPEG's."""
    plain = ConvertOptions(codec="neural", workers=options.workers)
    plan = plan_conversion(view, plain)
    glass, grid = plan.glass, plan.grids[0]
    few = Trial.of(view, grid, glass)
    count = int(glass.with_tissue[0].sum())
    samples = sample_chunks(view, grid, glass, count=count)
    tissue = Trial.on(samples, grid.chunk_px, glass)
    jpeg = by_quality(family_of("jpeg", ChunkKind()))
    few_ssim = ssim_of(few.measure(jpeg, JPEG_QUALITY))
    wanted = tissue.measure(jpeg, JPEG_QUALITY)
    for name in options.codecs.split(","):
        family = by_quality(family_of(name, ChunkKind(), options.model, options.tune))
        if name == "jpeg":
            yield family, wanted
            continue
        about = setting_for_ssim(few, family, few_ssim).setting
        yield family, nearest(tissue, family, about, ssim_of(wanted))


def nearest(trial: Trial, family: CodecFamily, about: float, ssim: float) -> Measured:
    """Return the quality whose SSIM is nearest: one by one, from the one that is about right."""
    best = trial.measure(family, about)
    step = 1 if ssim_of(best) < ssim else -1
    while 0 <= best.setting + step <= 100:
        tried = trial.measure(family, best.setting + step)
        if abs(ssim_of(tried) - ssim) >= abs(ssim_of(best) - ssim):
            break
        best = tried
    return best


def by_quality(family: CodecFamily) -> CodecFamily:
    """Return a codec whose settings are the qualities that the converter takes."""
    return replace(
        family,
        settings=tuple(float(quality) for quality in range(101)),
        encode=lambda planes, quality: family.encode(planes, family.setting_of(int(quality))),
    )


def convert_all(
    view: View, family: CodecFamily, quality: int, options: argparse.Namespace
) -> dict[str, SlideReport]:
    is_peer = family.name in ("jpeg", "jpegxl", "jpeg2k")
    plain = ConvertOptions(
        codec=family.name if is_peer else "neural",
        model="auto" if is_peer else family.name,
        tune="psnr" if is_peer else options.tune,
        quality=quality,
        workers=options.workers,
    )
    reports = {}
    for treatment in TREATMENTS:
        with tempfile.TemporaryDirectory() as folder:
            store = str(Path(folder) / "slide.ome.zarr")
            reports[treatment] = convert(view, store, replace(plain, glass=treatment))
    return reports


def summary(view: View, rows: list[Row]) -> str:
    height, width = view.info.shape
    levels = rows[0].reports["elide"].levels
    return (
        f"{width} x {height} pixels, {len(levels)} levels, "
        f"{100 * levels[0].elided_area:.0f} % of level 0 elided"
    )


def report(rows: list[Row]) -> str:
    """Return the table: one row for each codec; percentages are against the first one, kept."""
    whole = rows[0].reports["keep"].nbytes
    lines = []
    for row in rows:
        sizes = [row.reports[treatment].nbytes for treatment in TREATMENTS]
        lines.append(
            [
                row.family.title,
                f"quality {row.tissue.setting:g}",
                f"{ssim_of(row.tissue):.4f}",
                f"{row.tissue.quality.psnr_db():.2f}",
                *(f"{size / 1e6:.3g} MB ({100 * (size / whole - 1):+.0f} %)" for size in sizes),
            ]
        )
    header = ["codec", "set to", "SSIM on tissue", "PSNR (dB)", *TREATMENTS]
    return table(header, lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path, metavar="SLIDE", help="bright-field, with glass")
    parser.add_argument(
        "--codecs", default="jpeg,jpegxl,neural", metavar="A,B", help="jpeg first (all three)"
    )
    parser.add_argument("--views", default=",".join(VIEWS), metavar="A,B", help="(all)")
    parser.add_argument("--model", default="he-fast", help="of the neural codec (he-fast)")
    parser.add_argument("--tune", default="psnr", help="of the neural codec (psnr)")
    parser.add_argument("--workers", type=int, default=1, help="(1)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
