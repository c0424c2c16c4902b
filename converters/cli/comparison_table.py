"""A comparison of codecs for the screen."""

from typing import TYPE_CHECKING

from .comparison import ComparedCodec, Comparison

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["comparison_summary", "comparison_table"]


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
    """Return what the table does not say, one sentence a line.

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
