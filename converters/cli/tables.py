"""Tables for a terminal: the levels of a slide, and codecs compared."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..pipeline.summary import SlideReport, described_levels
from ..trials.compare import COARSER, ComparedCodec, Comparison

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["LEGEND", "comparison_summary", "comparison_table", "report_summary", "report_table"]

# Units of the columns of `report_table`.
LEGEND = (
    "stored, elided, empty: chunks; bpp: bits per pixel of stored chunks; ratio: raw to stored, "
    "glass included; PSNR (dB), SSIM: tissue in sampled chunks."
)


def report_table(report: SlideReport) -> "Table":
    """Return the levels as a table for a terminal."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in (
        "",
        "size",
        "pixels",
        "stored",
        "elided",
        "empty",
        "MB",
        "bpp",
        "ratio",
        "PSNR",
        "SSIM",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for level in report.levels:
        table.add_row(
            str(level.level),
            f"{level.width}x{level.height}",
            level.pixels,
            *(str(n) for n in (level.stored, level.elided, level.empty)),
            f"{level.nbytes / 1e6:.2f}",
            *(_shown(value) for value in (level.bpp, level.ratio, level.psnr_db)),
            _shown(level.ssim, digits=4),
        )
    return table


def report_summary(report: SlideReport) -> str:
    """Return the totals of all levels, and notices."""
    elided = report.levels[0].elided_area
    of_source = f", {report.against_source}" if report.against_source else ""
    levels = "".join(f"{sentence}.\n" for sentence in described_levels(report))
    notices = "".join(f"Note: {sentence}.\n" for sentence in report.cautions)
    return (
        f"{report.source} -> {report.output}\n"
        f"{levels}"
        f"{report.nbytes / 1e6:.2f} MB: {_shown(report.ratio)} times smaller than raw{of_source}.\n"
        f"Glass: {report.glass}, {100 * elided:.0f} % of the area not stored. "
        f"{report.seconds:.1f} seconds.\n"
        f"{notices}"
    )


def comparison_table(comparison: Comparison) -> "Table":
    """Return one line for each codec, smallest first."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("codec", no_wrap=True)
    table.add_column("set to", no_wrap=True)
    for heading in ("SSIM", "PSNR", f"vs {comparison.reference_title}", "MB", "enc", "dec"):
        table.add_column(heading, justify="right", no_wrap=True)
    for codec in comparison.codecs:
        table.add_row(codec.title, codec.setting, *_numbers(codec))
    for found in comparison.transcodings:
        megabytes = f"{found.nbytes / 1e6:.2f}"
        table.add_row(found.title, "lossless", "1.0000", "-", "-", megabytes, "-", "-")
    if comparison.source_nbytes:
        megabytes = f"{comparison.source_nbytes / 1e6:.2f}"
        table.add_row("source file", "as it is", "1.0000", "-", "-", megabytes, "-", "-")
    return table


def comparison_summary(comparison: Comparison) -> str:
    """Return the conditions of the comparison, one sentence a line.

    Examples
    --------
    >>> print(comparison_summary(Comparison(source="a", reference_title="JPEG",
    ...     reference_setting="quality 80", chunks=16, chunk_px=512, data_range=255.0,
    ...     glass="elide", codecs=())))
    On tissue of 16 chunks of 512 pixels a side, each codec set to the SSIM of JPEG at quality 80.
    MB: whole stores, glass elided, estimated from these; enc, dec: Mpx/s of one thread.
    """
    done = {"elide": "elided", "flatten": "flattened", "keep": "kept"}[comparison.glass]
    sentences = [
        (
            f"On tissue of {comparison.chunks} chunks of {comparison.chunk_px} pixels a side, each "
            f"codec set to the SSIM of {comparison.reference_title} at "
            f"{comparison.reference_setting}."
        ),
        f"MB: whole stores, glass {done}, estimated from these; enc, dec: Mpx/s of one thread.",
    ]
    if any(_is_off(codec) for codec in comparison.codecs):
        sentences.append("* No setting came within 0.002 of that SSIM.")
    if comparison.exact_levels:
        levels = _listed(comparison.exact_levels)
        sentences.append(f"exact JPEG: {levels} of the source without any loss (--codec auto).")
    if any(codec.name == COARSER for codec in comparison.codecs):
        sentences.append("coarser JPEG: the same levels with the loss of --jpeg-quality.")
    sentences += [
        f"{found.title}: the source's JPEG tiles of level 0, glass and all, "
        f"{found.jpeg_nbytes / 1e6:.2f} MB, would be about {found.nbytes / 1e6:.2f} MB "
        f"({100 * (found.ratio - 1):+.0f} %)."
        for found in comparison.transcodings
    ]
    sentences += [f"{sentence}." for sentence in comparison.missing]
    return "\n".join(sentences)


def _listed(levels: Sequence[int]) -> str:
    """Return consecutive levels in words.

    Examples
    --------
    >>> _listed([0, 1, 2]), _listed([3])
    ('levels 0 to 2', 'level 3')
    """
    first, last = levels[0], levels[-1]
    return f"level {first}" if first == last else f"levels {first} to {last}"


def _is_off(codec: ComparedCodec) -> bool:
    has_no_choice = codec.setting.startswith(("lossless", "within")) or codec.name == COARSER
    return not (codec.is_equal or has_no_choice)


def _numbers(codec: ComparedCodec) -> tuple[str, ...]:
    return (
        f"{codec.ssim:.4f}" + "*" * _is_off(codec),
        "-" if codec.psnr_db is None else f"{codec.psnr_db:.2f}",
        f"{100 * (codec.size - 1):+.0f} %",
        f"{codec.nbytes / 1e6:.2f}",
        f"{codec.encode_mpx_s:.1f}",
        f"{codec.decode_mpx_s:.1f}",
    )


def _shown(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
