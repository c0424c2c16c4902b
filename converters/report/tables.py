"""The tables of a page: levels, sizes, settings, and all slides of a batch."""

from dataclasses import dataclass
from typing import Any

from ..options import ConvertOptions
from ..pipeline.summary import SlideReport
from ..sources import Compression
from .facts import SlideFacts
from .html import Html, element, table
from .jpeg_estimate import JPEG_QUALITY, JpegEstimate

__all__ = ["levels_table", "settings_list", "shown", "sizes_table", "summary_table"]

_METHODS = {
    "neural_image": "learned codec",
    "jpeg": "JPEG",
    "jpegxl": "JPEG XL",
    "jpeg2k": "JPEG 2000",
    "zstd": "Zstandard",
}


@dataclass(frozen=True, slots=True)
class _Size:
    """What a slide takes in one form."""

    name: str
    nbytes: int
    is_estimate: bool = False
    psnr_db: float | None = None
    ssim: float | None = None


def shown(value: float | None, digits: int = 2) -> str:
    """Return a number for a table; a dash for none.

    Examples
    --------
    >>> shown(1234.5678), shown(None)
    ('1234.57', '-')
    """
    return "-" if value is None else f"{value:.{digits}f}"


def megabytes(nbytes: int) -> str:
    """Return bytes as the report's other tables tell them."""
    return f"{nbytes / 1e6:.2f}"


def levels_table(report: SlideReport) -> Html:
    """Return the levels as the program's own table tells them."""
    headings = (
        *("level", "pixels", "stored", "elided", "empty", "MB", "bits per pixel", "ratio"),
        *("PSNR, dB", "SSIM", "sampled"),
    )
    rows = [
        (
            str(level.level),
            f"{level.width} x {level.height}",
            *(str(count) for count in (level.stored, level.elided, level.empty)),
            megabytes(level.nbytes),
            *(shown(value) for value in (level.bpp, level.ratio, level.psnr_db)),
            shown(level.ssim, 4),
            str(level.chunks_sampled),
        )
        for level in report.levels
    ]
    return table(headings, rows)


def sizes_table(facts: SlideFacts, report: SlideReport) -> Html:
    """Return what is stored beside what else there could be, with bars."""
    title = _METHODS.get(str(report.codec.get("method")), "stored")
    first = report.levels[0]
    own = _Size(f"this store ({title})", report.nbytes, psnr_db=first.psnr_db, ssim=first.ssim)
    sizes = [own]
    if report.source_nbytes:
        sizes.append(_Size("the source file", report.source_nbytes))
    if facts.jpeg is not None:
        sizes += _of_jpeg(facts.jpeg)
    longest = max(size.nbytes for size in sizes)
    # Raw pixels get no bar, which would leave nothing to see of the others.
    sizes.append(_Size("raw pixels", report.raw_nbytes))
    rows = [_size_row(report, size, longest) for size in sizes]
    head = element(
        "tr",
        *(
            element("th", name, scope="col")
            for name in ("", "MB", "this store is", "PSNR, dB", "SSIM", "")
        ),
    )
    whole_table = element("table", element("thead", head), element("tbody", *rows), class_="sizes")
    return element("div", whole_table, class_="scrolled")


def settings_list(facts: SlideFacts, report: SlideReport, options: ConvertOptions) -> Html:
    """Return how the slide was converted."""
    pairs: list[tuple[str, str]] = [
        (key.replace("_", " "), _value(value)) for key, value in report.codec.items()
    ]
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
        pairs += _of_slide(facts.info.mpp, facts.info.magnification, facts.info.history)
    if report.seconds:
        pairs.append(("duration", f"{report.seconds:.1f} seconds"))
    rows = (element("div", element("dt", key), element("dd", value)) for key, value in pairs)
    return element("dl", *rows)


def summary_table(slides: list[tuple[str, SlideFacts]]) -> Html:
    """Return one line for each slide of a batch, with a link to what follows.

    Parameters
    ----------
    slides : list
        (id of the section, facts).
    """
    headings = ("slide", "", "MB", "ratio", "bits per pixel", "PSNR, dB", "SSIM", "elided")
    head = element("tr", *(element("th", heading, scope="col") for heading in headings))
    rows = []
    for anchor, facts in slides:
        link = element("a", facts.name, href=f"#{anchor}")
        status = element("span", facts.outcome.status, class_=f"status {facts.outcome.status}")
        cells = (element("td", cell) for cell in _numbers(facts.report))
        name = element("th", link, scope="row")
        rows.append(element("tr", name, element("td", status), *cells))
    whole = element("table", element("thead", head), element("tbody", *rows), class_="numbers")
    return element("div", whole, class_="scrolled")


def _numbers(report: SlideReport | None) -> tuple[str, ...]:
    if report is None:
        return ("-",) * 6
    first = report.levels[0]
    return (
        megabytes(report.nbytes),
        *(shown(value) for value in (report.ratio, first.bpp, first.psnr_db)),
        shown(first.ssim, 4),
        f"{100 * first.elided_area:.0f} %",
    )


def _of_jpeg(jpeg: JpegEstimate) -> list[_Size]:
    """Return the same chunks as JPEG, and the whole slide where that is something else."""
    name = f"JPEG at quality {JPEG_QUALITY}"
    is_elided = jpeg.nbytes != jpeg.nbytes_whole
    sizes = [(f"{name}, the same chunks", jpeg.nbytes)] if is_elided else []
    sizes.append((f"{name}, glass and all" if is_elided else name, jpeg.nbytes_whole))
    return [
        _Size(title, nbytes, is_estimate=True, psnr_db=jpeg.psnr_db, ssim=jpeg.ssim)
        for title, nbytes in sizes
    ]


def _size_row(report: SlideReport, size: _Size, longest: int) -> Html:
    about = "about " if size.is_estimate else ""
    is_own = size.name.startswith("this store")
    bar = None
    if size.nbytes <= longest:
        width = 100 * size.nbytes / max(longest, 1)
        bar = element("span", class_="bar", style=f"width:{width:.1f}%")
    return element(
        "tr",
        element("th", size.name, scope="row"),
        element("td", f"{about}{megabytes(size.nbytes)}"),
        element("td", "" if is_own else _compared(report.nbytes, size.nbytes)),
        element("td", "" if size.psnr_db is None else shown(size.psnr_db)),
        element("td", "" if size.ssim is None else shown(size.ssim, 4)),
        element("td", bar, class_="bars"),
        class_="own" if is_own else None,
    )


def _compared(nbytes: int, other: int) -> str:
    """Return how much smaller a size is than another.

    Examples
    --------
    >>> _compared(25, 100), _compared(110, 100), _compared(5, 500)
    ('75 % smaller', '10 % larger', '100 times smaller')
    """
    if not nbytes or not other:
        return "-"
    if other >= 10 * nbytes:
        return f"{other / nbytes:.0f} times smaller"
    change = 100 * (nbytes / other - 1)
    return f"{abs(change):.0f} % {'smaller' if change <= 0 else 'larger'}"


def _margin(facts: SlideFacts, options: ConvertOptions) -> str:
    if facts.stored is None:
        return f"{options.margin_um:g} µm"
    pixels = facts.stored.block["glass"]["margin_px"]
    is_known = facts.info is not None and facts.info.mpp is not None
    return f"{options.margin_um:g} µm ({pixels:g} pixels)" if is_known else f"{pixels:g} pixels"


def _of_slide(
    mpp: tuple[float, float] | None,
    magnification: float | None,
    history: tuple[Compression, ...],
) -> list[tuple[str, str]]:
    pairs = []
    if mpp is not None:
        pairs.append(("size of a pixel", f"{mpp[1]:.4g} x {mpp[0]:.4g} µm"))
    if magnification is not None:
        pairs.append(("magnification", f"{magnification:g} times"))
    if history:
        steps = (
            f"{step.method}" + (f" at quality {step.quality}" if step.quality is not None else "")
            for step in history
        )
        pairs.append(("compressed before", ", then ".join(steps)))
    return pairs


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
