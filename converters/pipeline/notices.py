"""Non-fatal notices shown after a conversion."""

from ..sources import SlideInfo
from .summary import LevelReport

__all__ = ["notices_of"]


def notices_of(info: SlideInfo, first: LevelReport) -> tuple[str, ...]:
    """Return the notices of a conversion, one sentence each.

    Parameters
    ----------
    info : SlideInfo
        The slide.
    first : LevelReport
        Its level 0 in the store.
    """
    sentences = []
    if info.series_count > 1:
        sentences.append(
            f"the file holds {info.series_count} images and this is image {info.series}: "
            "--series picks one, and --series all converts all"
        )
    if info.mpp is None:
        sentences.append("the source does not tell the size of a pixel: scales count pixels")
    source_bpp = _source_bpp(info)
    if source_bpp is not None and first.bpp is not None and first.bpp > source_bpp:
        sentences.append(
            f"the source holds {source_bpp:.2f} bits per pixel and the store {first.bpp:.2f}: "
            "at a lower --quality it would be smaller, and more bits bring nothing back"
        )
    return tuple(sentences)


def _source_bpp(info: SlideInfo) -> float | None:
    """Return the bits per pixel of level 0 as the source's last lossy step left it."""
    ratio = info.history[-1].ratio if info.history else None
    return 8 * info.samples * info.dtype.itemsize / ratio if ratio else None
