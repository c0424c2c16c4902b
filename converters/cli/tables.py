"""Tables for a terminal: the levels of a slide, and codecs compared."""

from typing import TYPE_CHECKING, Any

from ..pipeline.summary import SlideReport
from ..trials.compare import ComparedCodec, Comparison

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

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in (
        "",
        "size",
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
            *(str(n) for n in (level.stored, level.elided, level.empty)),
            f"{level.nbytes / 1e6:.2f}",
            *(_shown(value) for value in (level.bpp, level.ratio, level.psnr_db)),
            _shown(level.ssim, digits=4),
        )
    return table


def report_summary(report: SlideReport) -> str:
    """Return the totals of all levels, and notices."""
    elided = report.levels[0].elided_area
    of_source = ""
    if report.source_nbytes:
        of_source = f", {report.nbytes / report.source_nbytes:.2f} times the source file"
    codec = ", ".join(f"{name} {value}" for name, value in _shown_parameters(report.codec))
    notices = "".join(f"Note: {sentence}.\n" for sentence in report.cautions)
    return (
        f"{report.source} -> {report.output}\n"
        f"{codec}\n"
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
    return table


def comparison_summary(comparison: Comparison) -> str:
    """Return the conditions of the comparison, one sentence a line.

    Examples
    --------
    >>> print(comparison_summary(Comparison(source="a", reference_title="JPEG",
    ...     reference_setting="quality 80", chunks=16, chunk_px=512, data_range=255.0,
    ...     glass="elide", codecs=(), transcoding=None)))
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
    found = comparison.transcoding
    if found is not None:
        sentences.append(
            "The source's own JPEG tiles, kept by JPEG XL without any loss: "
            f"{found.jpeg_nbytes / 1e6:.2f} MB would be about {found.nbytes / 1e6:.2f} MB "
            f"({100 * (found.ratio - 1):+.0f} %)."
        )
    return "\n".join(sentences)


def _shown_parameters(codec: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return method and parameters of a codec without the 64 digits of its weights."""
    return [("codec" if k == "method" else k, v) for k, v in codec.items() if k != "weights"]


def _is_off(codec: ComparedCodec) -> bool:
    return not codec.is_equal and codec.setting != "lossless"


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
