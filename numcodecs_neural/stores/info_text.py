"""What a store is, as text: a paragraph of facts and a table of its levels."""

from collections.abc import Sequence
from typing import Any

from .info import LevelFacts, StoreFacts

__all__ = ["info_lines"]

_HEADINGS = ("level", "shape", "chunk", "shard", "dtype", "MB", "bpp", "of stored", "elided")
# Of these settings of a codec, weights are told by name.
_LEFT_OUT = ("weights", "channel_axis")


def info_lines(facts: StoreFacts) -> list[str]:
    """Return the lines that tell what a store is."""
    what = f"OME-Zarr {facts.version}, {_images(facts)}, axes {facts.axes}"
    counted = "with all metadata" if facts.is_listed else "in its levels"
    size = f"{facts.nbytes / 1e6:.2f} MB {counted}"
    lines = [f"{facts.location}: {what}, {size}", f"pixel size: {_pixel_size(facts)}"]
    if facts.software:
        lines.append(f"written by: {facts.software}")
    lines += [f"glass: {_glass(facts.glass)}"] if facts.glass else []
    lines.append(f"lossy history: {_history(facts.history)}")
    if facts.weights:
        lines.append(f"brings along the weights: {', '.join(facts.weights)}")
    lines += ["", *_table(facts.levels), ""]
    lines += [f"level {level.level}: {_coding(level)}" for level in facts.levels]
    return lines


def _images(facts: StoreFacts) -> str:
    return "one image" if facts.images == 1 else f"the first of {facts.images} images"


def _pixel_size(facts: StoreFacts) -> str:
    if facts.mpp is None:
        return "not known"
    return " x ".join(f"{size:g}" for size in facts.mpp) + " micrometres (y, x)"


def _glass(glass: dict[str, Any]) -> str:
    if not glass.get("is_bright_field", True):
        return "none, the slide is not bright-field"
    return f"{glass.get('treatment')}, fill value {glass.get('fill_value')}"


def _history(steps: list[dict[str, Any]]) -> str:
    if not steps:
        return "nothing was lost, as far as is known"
    return ", then ".join(_step(step) for step in steps)


def _step(step: dict[str, Any]) -> str:
    quality = f" at quality {step['quality']}" if "quality" in step else ""
    return f"{step['method']}{quality}"


def _table(levels: list[LevelFacts]) -> list[str]:
    rows = [_HEADINGS, *map(_row, levels)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.rjust(n) for text, n in zip(row, widths, strict=True)) for row in rows]


def _row(level: LevelFacts) -> tuple[str, ...]:
    elided = None if level.elided_area is None else 100 * level.elided_area
    return (
        str(level.level),
        _sides(level.shape),
        _sides(level.chunk),
        "-" if level.shard is None else _sides(level.shard),
        level.dtype,
        f"{level.nbytes / 1e6:.2f}",
        f"{level.bpp:.2f}",
        "-" if level.bpp_stored is None else f"{level.bpp_stored:.2f}",
        "-" if elided is None else f"{elided:.0f} %",
    )


def _sides(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _coding(level: LevelFacts) -> str:
    codecs = "; ".join(_codec(name, settings) for name, settings in level.codecs.items())
    parts = [codecs or "no codec"]
    chunks = "1 chunk" if level.chunks == 1 else f"{level.chunks} chunks"
    if level.coverage is not None:
        chunks += f" ({_counts(level.coverage)})"
    parts.append(chunks)
    if level.modes is not None:
        modes = _counts(level.modes) or "none"
        parts.append(f"modes of {level.looked_at} that were looked at: {modes}")
    return "; ".join(parts)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _codec(name: str, settings: dict[str, Any]) -> str:
    told = {key: value for key, value in settings.items() if key not in _LEFT_OUT}
    told |= told.pop("encoder", None) or {}
    said = [f"{key} {value}" for key, value in told.items() if value not in (None, {}, [])]
    return " ".join([name, ", ".join(said)]).strip()
