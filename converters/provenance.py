"""What the pixels of a store went through, for its attributes."""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from .codecs import ChunkCodec
from .glass import GlassPlan
from .report import LevelReport
from .sources import SlideInfo

__all__ = ["provenance"]


def provenance(
    levels: tuple[LevelReport, ...],
    *,
    info: SlideInfo,
    codec: ChunkCodec,
    glass: GlassPlan,
) -> dict[str, Any]:
    """Return the block that says what the pixels went through, oldest first, and what is not there.

    Numbers are those of level 0. Nothing in it depends on the machine, the time or the folders.
    """
    first = levels[0]
    steps = [_without_none(asdict(step)) for step in info.history]
    step = {
        "method": codec.method,
        **codec.parameters,
        "ratio": first.ratio_stored,
        "psnr_db": first.psnr_db,
        "chunks_sampled": first.chunks_sampled,
    }
    return {
        "schema_version": 1,
        "software": f"numcodecs-neural {version('numcodecs-neural')}",
        "lossy_history": [*steps, _without_none(step)],
        "glass": {
            "treatment": glass.treatment,
            "is_bright_field": glass.tissue is not None,
            "margin_px": round(glass.margin_px, 2),
            "elided_area": first.elided_area,
            "fill_value": glass.fill_value,
        },
    }


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
