"""Section of the report about one slide: its warnings, sizes and settings as text."""

from dataclasses import dataclass
from typing import Any

from ..options import ConvertOptions
from ..pipeline.summary import SlideReport, described_levels, larger_than_source, notices_of
from ..sources import SlideInfo
from .facts import SlideFacts
from .figures import mask_figure, rate_figure
from .jpeg_estimate import JPEG_QUALITY
from .markup import template
from .pictures import COLOUR_MAP

__all__ = ["slide_section"]

_METHODS = {
    "neural_image": "learned codec",
    "jpeg": "JPEG",
    "jpegxl": "JPEG XL",
    "jpeg2k": "JPEG 2000",
    "zstd": "Zstandard",
}


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes that a slide takes in one form, and the quality of its level 0 there."""

    name: str
    nbytes: int
    is_estimate: bool = False
    psnr_db: float | None = None
    ssim: float | None = None


def slide_section(facts: SlideFacts, options: ConvertOptions, number: int) -> str:
    """Return the markup of one slide's section.

    Parameters
    ----------
    number : int
        Of the slide in the page: the section's id is made of it.
    """
    values: dict[str, Any] = {"facts": facts, "number": number, "warnings": _warnings(facts)}
    if facts.report is not None:
        values |= {
            "sizes": _sizes(facts, facts.report),
            "settings": _settings(facts, facts.report, options),
            "mask": mask_figure(facts),
            "rates": rate_figure(facts),
            "colour_map": COLOUR_MAP,
            "jpeg_quality": JPEG_QUALITY,
        }
    return template("slide.html.j2").render(values)


def _warnings(facts: SlideFacts) -> list[str]:
    """Return sentences about what should be checked before the slide is relied on."""
    found = list(facts.troubles)
    if facts.chunks is not None and facts.chunks.lost.any():
        found.append(
            f"{facts.chunks.lost.sum()} chunks of level 0 were written and are not in the store "
            "any more: convert the slide again."
        )
    if facts.report is not None:
        found += _of_report(facts.report, facts.info)
    extras = {} if facts.stored is None else facts.stored.block.get("extras", {})
    pictures = [name for name in ("label", "macro") if name in extras]
    if pictures:
        found.append(
            f"The store holds the slide's {' and '.join(pictures)}, which may identify a patient."
        )
    return found


def _of_report(report: SlideReport, info: SlideInfo | None) -> list[str]:
    found = []
    if report.tissue_area == 0:
        found.append(
            "No tissue was found: look at the slide below, and give a mask with --tissue if there "
            "is some."
        )
    elif report.tissue_area is not None and report.tissue_area > 0.95:
        found.append(
            "Almost all of the slide was taken for tissue: if there is glass, look at the mask."
        )
    notices = list(report.cautions)
    if info is not None and not notices:
        notices += notices_of(info, report.levels)
        if report.source_nbytes and report.nbytes > report.source_nbytes:
            notices.append(larger_than_source(report.nbytes / report.source_nbytes))
    return found + [f"{text[:1].upper()}{text[1:]}." for text in notices]


def _sizes(facts: SlideFacts, report: SlideReport) -> list[Size]:
    """Return this store's size first and raw pixels last."""
    first, jpeg = report.levels[0], facts.jpeg
    title = _METHODS.get(str(report.codec.get("method")), "stored")
    if first.coding == "jpeg":
        title = "its JPEG made coarser" if first.coarser else "its JPEG kept exactly"
    own = Size(f"this store ({title})", report.nbytes, psnr_db=first.psnr_db, ssim=first.ssim)
    sizes = [own]
    if report.source_nbytes:
        sizes.append(Size("the source file", report.source_nbytes))
    sizes += (
        Size(f"its JPEG tiles of level 0, {found.title}", found.nbytes, is_estimate=True, ssim=1.0)
        for found in facts.transcodings
    )
    if jpeg is not None:
        name = f"JPEG at quality {JPEG_QUALITY}"
        forms = {name: jpeg.nbytes_whole}
        if jpeg.nbytes != jpeg.nbytes_whole:
            forms = {
                f"{name}, the same chunks": jpeg.nbytes,
                f"{name}, glass and all": jpeg.nbytes_whole,
            }
        sizes += (
            Size(form, nbytes, is_estimate=True, psnr_db=jpeg.psnr_db, ssim=jpeg.ssim)
            for form, nbytes in forms.items()
        )
    return [*sizes, Size("raw pixels", report.raw_nbytes)]


def _settings(
    facts: SlideFacts, report: SlideReport, options: ConvertOptions
) -> list[tuple[str, str]]:
    """Return how the slide was converted: (name, value) pairs."""
    pairs = [("levels", sentence) for sentence in described_levels(report)]
    pairs += [(key.replace("_", " "), _value(value)) for key, value in report.codec.items()]
    pairs.append(("glass", report.glass))
    if report.tissue_area is None:
        pairs.append(("tissue", "no mask: the slide is not bright-field"))
    else:
        pairs += [("tissue mask", options.tissue), ("margin", _margin(facts, options))]
        pairs.append(("tissue", f"{100 * report.tissue_area:.1f} % of the slide"))
    if facts.stored is not None:
        grid = facts.stored.grids[0]
        pairs.append(("chunks", f"{grid.chunk_px} pixels a side"))
        if facts.stored.version == "0.5":
            pairs.append(("shards", f"{grid.region_px} pixels a side"))
        pairs.append(("OME-Zarr", facts.stored.version))
    if facts.info is not None:
        pairs += _of_slide(facts.info)
    if report.seconds:
        pairs.append(("duration", f"{report.seconds:.1f} seconds"))
    return pairs


def _margin(facts: SlideFacts, options: ConvertOptions) -> str:
    if facts.stored is None:
        return f"{options.margin_um:g} µm"
    pixels = facts.stored.block["glass"]["margin_px"]
    is_known = facts.info is not None and facts.info.mpp is not None
    return f"{options.margin_um:g} µm ({pixels:g} pixels)" if is_known else f"{pixels:g} pixels"


def _of_slide(info: SlideInfo) -> list[tuple[str, str]]:
    pairs = []
    if info.mpp is not None:
        pairs.append(("size of a pixel", f"{info.mpp[1]:.4g} x {info.mpp[0]:.4g} µm"))
    if info.magnification is not None:
        pairs.append(("magnification", f"{info.magnification:g} times"))
    if info.history:
        steps = (
            f"{step.method}" + (f" at quality {step.quality}" if step.quality is not None else "")
            for step in info.history
        )
        pairs.append(("compressed before", ", then ".join(steps)))
    return pairs


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
