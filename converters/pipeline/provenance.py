"""Provenance of a store's pixels, for its attributes."""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from ..sources import Compression
from .plan import ConversionPlan
from .summary import LevelReport

__all__ = ["provenance"]


def provenance(
    plan: ConversionPlan, levels: tuple[LevelReport, ...], extras: dict[str, str]
) -> dict[str, Any]:
    """Return our own attributes of a store: lossy history, oldest first, and treatment of glass.

    Numbers are those of level 0. Nothing in it depends on the machine, the time or the folders.

    Parameters
    ----------
    plan : ConversionPlan
        A codec that loses nothing is no step of the history.
    levels : tuple of LevelReport
        What was written.
    extras : dict
        Paths in the store of other things of the slide, by what they are.
    """
    info, codec, glass = plan.info, plan.codec, plan.glass
    first = levels[0]
    history = [_described(step) for step in info.history]
    step = {
        "method": codec.method,
        **codec.parameters,
        "ratio": first.ratio_stored,
        "psnr_db": first.psnr_db,
        "ssim": first.ssim,
        "chunks_sampled": first.chunks_sampled,
    }
    if not codec.is_lossless:
        history.append(_without_none(step))
    return {
        "schema_version": 1,
        "software": f"numcodecs-neural {version('numcodecs-neural')}",
        "settings": plan.fingerprint,
        "lossy_history": history,
        "glass": {
            "treatment": glass.treatment,
            "is_bright_field": glass.tissue is not None,
            "margin_px": round(glass.margin_px, 2),
            "elided_area": first.elided_area,
            "fill_value": glass.fill_value,
        },
        **({"magnification": info.magnification} if info.magnification else {}),
        **({"extras": extras} if extras else {}),
    }


def _described(step: Compression) -> dict[str, Any]:
    values = asdict(step)
    details = values.pop("details")
    return {**details, **_without_none(values)}


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
