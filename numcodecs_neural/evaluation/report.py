"""An evaluation as Markdown tables."""

import math
from collections.abc import Iterable, Sequence

from numcodecs_neural.evaluation.curves import ENOUGH_DB, BDRate, Point
from numcodecs_neural.evaluation.kinds import RGB
from numcodecs_neural.evaluation.measures import PSNR, Measure
from numcodecs_neural.evaluation.peers import JPEG_420, JPEG_GREY
from numcodecs_neural.evaluation.results import STATED, Evaluation, SetResult, StatedPoint

__all__ = ["card_tables", "to_markdown"]


def card_tables(evaluation: Evaluation) -> str:
    """Return what the card of a model holds: its BD-rates, and rate and PSNR by quality."""
    return _joined(
        part
        for model in evaluation.models
        for part in (*_bd_tables(evaluation, model, [PSNR]), _quality_table(evaluation, model))
    )


def to_markdown(evaluation: Evaluation) -> str:
    """Return all tables: those of each model, rates at stated points, speeds, and notes."""
    parts = [
        part
        for model in evaluation.models
        for part in (
            *_bd_tables(evaluation, model, evaluation.measures),
            _quality_table(evaluation, model),
        )
    ]
    parts += [
        _stated_table(evaluation, stated, aligned=aligned)
        for stated in STATED
        for aligned in (False, True)
    ]
    parts += [_speed_table(evaluation), _notes(evaluation)]
    return _joined(parts)


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _bd_tables(evaluation: Evaluation, model: str, measures: Iterable[Measure]) -> list[str]:
    return [
        _bd_table(evaluation, model, measure, aligned=aligned)
        for measure in measures
        for aligned in (False, True)
    ]


def _bd_table(evaluation: Evaluation, model: str, measure: Measure, *, aligned: bool) -> str:
    peers = evaluation.peers_of(model)
    results = evaluation.results_of(model, aligned=aligned)
    if not peers or not results:
        return ""
    rows = [
        [result.title, *(_percent(result, model, peer, measure) for peer in peers)]
        for result in results
    ]
    means = [evaluation.mean_bd_rate(model, peer, measure, aligned=aligned) for peer in peers]
    title = f"equal {_title(measure, results)}{_where(aligned=aligned)}"
    lead = f"Bits that `{model}` needs at {title}, against:"
    return _table_of_bits(lead, [model, *peers], rows, means)


def _table_of_bits(
    lead: str, head: list[str], rows: list[list[str]], means: list[float | None]
) -> str:
    """Return the lead, the table with its means in the last row, and the notes that it needs."""
    means_row = ["**mean of sets**", *("-" if m is None else f"**{m:+.0f} %**" for m in means)]
    lines = _table(head, [*rows, means_row])
    return "\n".join([lead, "", *lines, *_footnotes([*rows, means_row])])


def _where(*, aligned: bool) -> str:
    grid = " on aligned crops, which start at (0, 0), on the grid of the source's JPEG"
    return grid if aligned else ""


def _footnotes(rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [cell for row in rows for cell in row[1:]]
    notes = {
        "\\*": f"\\* the two curves have less than {ENOUGH_DB:.0f} dB in common",
        "not reached": "not reached: its curve, or that of JPEG, does not pass the point",
        "n/a": "n/a: it does not code such images, and has its mean over the others",
    }
    return [
        line
        for mark, note in notes.items()
        if any(mark in cell for cell in cells)
        for line in ("", note)
    ]


def _quality_table(evaluation: Evaluation, model: str) -> str:
    results = [r for r in evaluation.results if model in r.curves]
    curves = [result.curves[model] for result in results]
    measures = evaluation.measures
    rows = [
        [f"{points[0].setting:g}", *(_cell(point, measures) for point in points)]
        for points in zip(*curves, strict=True)
    ]
    rising = ("yes" if result.rises(model) else "**no**" for result in results)
    rows.append(["both rise at every step", *rising])
    rows.append(["error at chunk borders", *map(_seams, curves)])
    others = "".join(f", {measure.title}" for measure in measures if measure is not PSNR)
    title = f"Rate (bits per pixel) and {_title(PSNR, results)} (dB){others}"
    lines = [f"{title} of `{model}` by quality:", ""]
    lines += _table(["quality", *(result.title for result in results)], rows)
    return "\n".join(lines)


def _stated_table(evaluation: Evaluation, stated: StatedPoint, *, aligned: bool) -> str:
    results = [r for r in evaluation.results if r.jpeg and r.is_aligned == aligned]
    if stated.measure not in evaluation.measures or not results:
        return ""
    coders = [
        name
        for name in (*evaluation.models, *evaluation.peers)
        if name not in (JPEG_420, JPEG_GREY) and any(name in r.curves for r in results)
    ]
    rows = [
        [result.title, *(_at_stated(result, stated, coder) for coder in coders)]
        for result in results
    ]
    means = [evaluation.mean_at_stated(stated, coder, aligned=aligned) for coder in coders]
    jpeg = JPEG_420 if any(JPEG_420 in r.curves for r in results) else JPEG_GREY
    where = _where(aligned=aligned)
    lead = f"Bits that each codec needs against {jpeg} at {stated.title}{where}:"
    return _table_of_bits(lead, ["", *coders], rows, means)


def _speed_table(evaluation: Evaluation) -> str:
    if not evaluation.speeds:
        return ""
    rows = [
        [
            speed.coder,
            f"{speed.setting:g}, {speed.psnr:.1f} dB",
            f"{speed.encode_mpx_s:.3g}",
            f"{speed.decode_mpx_s:.3g}",
            f"{speed.encode_cpu_ns:.3g}",
            f"{speed.decode_cpu_ns:.3g}",
        ]
        for speed in evaluation.speeds
    ]
    head = ["", "setting", "encode Mpx/s", "decode Mpx/s", "encode CPU ns/px", "decode CPU ns/px"]
    workers = evaluation.speeds[0].workers
    chunks = "one chunk" if workers == 1 else f"{workers} chunks"
    lines = [f"Speed at like PSNR, {chunks} at once (Mpx/s by the clock, ns of all threads):", ""]
    return "\n".join(lines + _table(head, rows))


def _notes(evaluation: Evaluation) -> str:
    lines = [f"- {note}" for note in evaluation.notes]
    for result in evaluation.results:
        low, high = result.data_range
        if result.kind.dtype != "uint8":
            lines.append(
                f"- {result.title}: the peak of PSNR and SSIM is each image's own range of "
                f"samples, {low:.0f} to {high:.0f}; JPEG bounds no overlap of curves"
            )
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table whose first column is text and whose others are figures."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    # Sets are called as their files are, and codecs as somebody likes.
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return ["| " + " | ".join(line) + " |" for line in cells]


def _title(measure: Measure, results: Sequence[SetResult]) -> str:
    is_rgb = all(result.kind == RGB for result in results)
    return f"RGB-{measure.title}" if is_rgb and measure is PSNR else measure.title


def _percent(result: SetResult, model: str, peer: str, measure: Measure) -> str:
    if peer not in result.curves:
        return "n/a"
    rate: BDRate | None = result.bd_rate(model, peer, measure)
    if rate is None:
        return "-"
    return f"{rate.percent:+.0f} %" + ("" if rate.span >= ENOUGH_DB else " \\*")


def _at_stated(result: SetResult, stated: StatedPoint, coder: str) -> str:
    if coder not in result.curves:
        return "n/a"
    percent = result.at_stated(stated, coder)
    return "not reached" if percent is None else f"{percent:+.0f} %"


def _cell(point: Point, measures: Sequence[Measure]) -> str:
    values = ((measure, measure.of(point)) for measure in measures)
    shown = ("-" if value is None else f"{value:.{m.digits}f}" for m, value in values)
    return ", ".join([f"{point.bpp:.2f}", *shown])


def _seams(curve: Sequence[Point]) -> str:
    """Say how much greater the error is there than inside, least to most over the settings."""
    values = [p.seam_db for p in curve if p.seam_db is not None and math.isfinite(p.seam_db)]
    return f"{min(values):+.2f} to {max(values):+.2f} dB" if values else "-"
