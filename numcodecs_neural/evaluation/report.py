"""An evaluation as Markdown tables and as JSON."""

import dataclasses
import json
import math
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any

from numcodecs_neural.evaluation.curves import BDRate, Point
from numcodecs_neural.evaluation.run import Evaluation, SetResult
from numcodecs_neural.weights import resolve

__all__ = ["to_json", "to_markdown"]

# An overlap of two curves that is narrower says little about either.
ENOUGH_DB = 6.0


def to_markdown(evaluation: Evaluation) -> str:
    """Return the tables of all models: BD-rates, then rate and PSNR by quality, with seams."""
    parts = [
        part
        for model in evaluation.models
        for part in (_bd_table(evaluation, model), _quality_table(evaluation, model))
        if part
    ]
    return "\n\n".join(parts) + "\n"


def to_json(evaluation: Evaluation) -> str:
    """Return everything that was measured, and by which versions, as JSON."""
    content = {
        "versions": {
            name: version(name) for name in ("numcodecs-neural", "imagecodecs", "scikit-image")
        },
        "models": {model: resolve(model).sha256 for model in evaluation.models},
        "peers": evaluation.peers,
        "results": [_result(result, evaluation) for result in evaluation.results],
        "mean_bd_rate_percent": {
            model: {peer: evaluation.mean_bd_rate(model, peer) for peer in evaluation.peers}
            for model in evaluation.models
        },
    }
    return json.dumps(_finite(content), indent=1, allow_nan=False) + "\n"


def _bd_table(evaluation: Evaluation, model: str) -> str:
    if not evaluation.peers:
        return ""
    rows = []
    for result in evaluation.results:
        rates = [result.bd_rate(model, peer) for peer in evaluation.peers]
        rows.append([result.title, *map(_percent, rates)])
    means = [evaluation.mean_bd_rate(model, peer) for peer in evaluation.peers]
    rows.append(["**mean of sets**", *("-" if m is None else f"**{m:+.0f} %**" for m in means)])
    lines = [f"Bits that `{model}` needs at equal RGB-PSNR, against:", ""]
    lines += _table([model, *evaluation.peers], rows)
    if any("\\*" in cell for row in rows for cell in row):
        lines += ["", f"\\* the two curves have less than {ENOUGH_DB:.0f} dB in common"]
    return "\n".join(lines)


def _quality_table(evaluation: Evaluation, model: str) -> str:
    curves = [result.curves[model] for result in evaluation.results]
    rows = [[f"{points[0].setting:g}", *map(_cell, points)] for points in zip(*curves, strict=True)]
    rising = ("yes" if result.rises(model) else "**no**" for result in evaluation.results)
    rows.append(["both rise at every step", *rising])
    rows.append(["error at chunk borders", *map(_seams, curves)])
    lines = [f"Rate (bits per pixel) and RGB-PSNR (dB) of `{model}` by quality:", ""]
    lines += _table(["quality", *(result.title for result in evaluation.results)], rows)
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table whose first column is text and whose others are figures."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _percent(rate: BDRate | None) -> str:
    if rate is None:
        return "-"
    return f"{rate.percent:+.0f} %" + ("" if rate.span >= ENOUGH_DB else " \\*")


def _cell(point: Point) -> str:
    similarity = "" if point.ssim is None else f", {point.ssim:.3f}"
    return f"{point.bpp:.2f}, {point.psnr:.1f}{similarity}"


def _seams(curve: Sequence[Point]) -> str:
    """Say how much greater the error is there than inside: least to most over the settings."""
    values = [p.seam_db for p in curve if p.seam_db is not None and math.isfinite(p.seam_db)]
    return f"{min(values):+.2f} to {max(values):+.2f} dB" if values else "-"


def _result(result: SetResult, evaluation: Evaluation) -> dict[str, Any]:
    rates = {
        model: {peer: _bd_entry(result.bd_rate(model, peer)) for peer in evaluation.peers}
        for model in evaluation.models
    }
    rising = {model: result.rises(model) for model in evaluation.models}
    return dataclasses.asdict(result) | {"bd_rate": rates, "rises_at_every_step": rising}


def _bd_entry(rate: BDRate | None) -> dict[str, float] | None:
    return None if rate is None else dataclasses.asdict(rate)


def _finite(value: Any) -> Any:
    """Replace infinite numbers, which JSON lacks, with null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
