"""Provenance of a store's pixels, for its attributes."""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from ..codecs import ChunkCodec
from ..sources import Compression
from ..store.deidentify import aperio_without_confidential
from .plan import ConversionPlan
from .summary import LevelReport

__all__ = ["provenance"]

# In the history, of JPEG data that were made coarser.
REQUANTIZED = "jpeg-requantized"


def provenance(
    plan: ConversionPlan, levels: tuple[LevelReport, ...], extras: dict[str, str]
) -> dict[str, Any]:
    """Return our own attributes of a store: lossy history, oldest first, and treatment of glass.

    Numbers are those of level 0. Nothing in it depends on the machine, the time or the folders.

    Parameters
    ----------
    plan : ConversionPlan
        A level 0 that loses nothing adds no step to the history.
    levels : tuple of LevelReport
        What was written.
    extras : dict
        Paths in the store of other things of the slide, by what they are.
    """
    info, glass = plan.info, plan.glass
    first = levels[0]
    history = [_described(step) for step in info.history]
    measured = {
        "ratio": first.ratio_stored,
        "psnr_db": first.psnr_db,
        "ssim": first.ssim,
        "chunks_sampled": first.chunks_sampled,
    }
    history += [_without_none(step | measured) for step in _steps(first, plan.codec)]
    return {
        "schema_version": 1,
        "software": f"numcodecs-neural {version('numcodecs-neural')}",
        "settings": plan.fingerprint,
        "lossy_history": history,
        "levels": [
            _noted(level, grid.step) for level, grid in zip(levels, plan.grids, strict=True)
        ],
        "glass": {
            "treatment": glass.treatment,
            "is_bright_field": glass.tissue is not None,
            "margin_px": round(glass.margin_px, 2),
            "elided_area": first.elided_area,
            "fill_value": glass.fill_value,
        },
        **({"magnification": info.magnification} if info.magnification else {}),
        **({"extras": extras} if extras else {}),
        **_image_description(plan),
    }


def _steps(first: LevelReport, codec: ChunkCodec) -> list[dict[str, Any]]:
    """Return the steps of level 0: what loses something, and in how many chunks where not in all.

    Beside chunks that keep the source's JPEG data, coarser, there may be some that could not.
    """
    if first.is_exact:
        return []
    told = codec.told
    if first.max_error:
        told |= {"note": f"every sample within {first.max_error}"}
    if first.coding != "jpeg":
        if not first.exact:
            return [told]
        return [told | {"chunks": first.stored - first.exact, "of_chunks": first.stored}]
    coarser = {"method": REQUANTIZED, "quality": first.jpeg_quality, "chunks": first.coarser}
    others = {**told, "chunks": sum(first.fallbacks.values())}
    return [step | {"of_chunks": first.stored} for step in (coarser, others) if step["chunks"]]


def _noted(level: LevelReport, step: int) -> dict[str, Any]:
    """Return what is exact of a level, and what it was made of."""
    return _without_none(
        {
            "coding": level.coding,
            "is_exact": level.is_exact,
            "why": level.why or None,
            "source_level": level.source_level,
            "reduced_by": step if level.source_level is None else None,
            "codec": level.codec,
            "exact": level.exact if level.coding == "jpeg" else level.exact or None,
            "coarser": level.coarser or None,
            "jpeg_quality": level.jpeg_quality if level.coarser else None,
            "fallbacks": level.fallbacks or None,
        }
    )


def _image_description(plan: ConversionPlan) -> dict[str, str]:
    text = plan.info.description
    if text is None:
        return {}
    kept = text if plan.options.confidential else aperio_without_confidential(text)
    return {"image_description": kept}


def _described(step: Compression) -> dict[str, Any]:
    values = asdict(step)
    details = values.pop("details")
    return {**details, **_without_none(values)}


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
