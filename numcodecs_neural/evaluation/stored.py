"""An evaluation as JSON, and how a fresh one differs from one that was stored."""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.evaluation.curves import Point
from numcodecs_neural.evaluation.measures import Measure
from numcodecs_neural.evaluation.results import STATED, Evaluation, SetResult
from numcodecs_neural.weights import resolve

__all__ = ["BPP_TOLERANCE", "PSNR_TOLERANCE_DB", "deviations", "read_stored", "to_json"]

# Coding is in integers, so that a fresh run differs only where a library that reads or reduces
# images does: far below what either tolerance lets through.
BPP_TOLERANCE = 0.005
PSNR_TOLERANCE_DB = 0.02


def to_json(evaluation: Evaluation) -> str:
    """Return everything that was measured, and by which versions, as JSON."""
    content = {
        "versions": {name: version(name) for name in ("numcodecs-neural", "imagecodecs")},
        "models": {model: resolve(model).sha256 for model in evaluation.models},
        "peers": evaluation.peers,
        "metrics": [measure.name for measure in evaluation.measures],
        "notes": evaluation.notes,
        "results": [_result(result, evaluation) for result in evaluation.results],
        "mean_bd_rate_percent": _means(evaluation, aligned=False),
        "mean_bd_rate_percent_aligned": _means(evaluation, aligned=True),
        "speeds": [dataclasses.asdict(speed) for speed in evaluation.speeds],
    }
    return json.dumps(_finite(content), indent=1, allow_nan=False) + "\n"


def read_stored(path: Path) -> dict[str, Any]:
    """Return what `to_json` wrote to a file.

    Raises
    ------
    ConfigError
        If the file cannot be read or holds something else.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path} cannot be read as JSON: {exc}") from exc
    if not isinstance(stored, dict) or not {"models", "results"} <= set(stored):
        raise ConfigError(f"{path} was not written by evaluate --json")
    return stored


def deviations(evaluation: Evaluation, stored: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each figure of our models that is not what was stored.

    Rates may differ by half a percent, PSNR by 0.02 dB. What the stored run did not measure is
    not compared; what only it measured is missing.

    Parameters
    ----------
    evaluation : Evaluation
    stored : mapping
        What `read_stored` returned.
    """
    fresh = {(result.name, result.scale): result for result in evaluation.results}
    lines = [
        f"{model} has the digest {resolve(model).sha256}, and {stored['models'][model]} was stored"
        for model in evaluation.models
        if stored["models"].get(model, resolve(model).sha256) != resolve(model).sha256
    ]
    for entry in stored["results"]:
        result = fresh.get((entry["name"], entry["scale"]))
        lines += _result_deviations(entry, result, evaluation.models)
    return lines


def _result_deviations(
    entry: Mapping[str, Any], result: SetResult | None, models: tuple[str, ...]
) -> Iterator[str]:
    title = f"{entry['name']}, {entry['scale']}"
    wanted = [model for model in models if model in entry["curves"]]
    if not wanted:
        return
    if result is None:
        yield f"{title} was stored and is missing"
        return
    if result.pixels != entry["pixels"]:
        yield f"{title} has {result.pixels} pixels, and {entry['pixels']} were stored"
        return
    for model in wanted:
        points = {point.setting: point for point in result.curves.get(model, ())}
        for old in entry["curves"][model]:
            text = _deviation(old, points.get(old["setting"]))
            if text:
                yield f"{title}: {model} at {old['setting']:g} {text}"


def _deviation(old: Mapping[str, Any], new: Point | None) -> str:
    if new is None:
        return "is missing"
    # Infinite PSNR is stored as null.
    psnr = math.inf if old["psnr"] is None else old["psnr"]
    is_near = math.isclose(new.psnr, psnr, rel_tol=0, abs_tol=PSNR_TOLERANCE_DB)
    if is_near and abs(new.bpp - old["bpp"]) <= BPP_TOLERANCE * old["bpp"]:
        return ""
    return f"has {new.bpp:.4f} bpp, {new.psnr:.3f} dB; stored are {old['bpp']:.4f}, {psnr:.3f}"


def _result(result: SetResult, evaluation: Evaluation) -> dict[str, Any]:
    models = [model for model in evaluation.models if model in result.curves]
    rates = {
        measure.field: {model: _bd_entries(result, evaluation, model, measure) for model in models}
        for measure in evaluation.measures
    }
    stated = {
        point.name: {coder: result.at_stated(point, coder) for coder in result.curves}
        for point in STATED
        if point.measure in evaluation.measures and result.jpeg
    }
    rising = {model: result.rises(model) for model in models}
    return dataclasses.asdict(result) | {
        "kind": result.kind.title,
        "bd_rate": rates,
        "percent_against_jpeg_at": stated,
        "rises_at_every_step": rising,
    }


def _bd_entries(
    result: SetResult, evaluation: Evaluation, model: str, measure: Measure
) -> dict[str, dict[str, float] | None]:
    rates = {
        peer: result.bd_rate(model, peer, measure)
        for peer in evaluation.peers
        if peer in result.curves
    }
    return {peer: None if r is None else dataclasses.asdict(r) for peer, r in rates.items()}


def _means(evaluation: Evaluation, *, aligned: bool) -> dict[str, Any]:
    return {
        measure.field: {
            model: {
                peer: evaluation.mean_bd_rate(model, peer, measure, aligned=aligned)
                for peer in evaluation.peers_of(model)
            }
            for model in evaluation.models
        }
        for measure in evaluation.measures
    }


def _finite(value: Any) -> Any:
    """Replace infinite numbers, which JSON lacks, with null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
