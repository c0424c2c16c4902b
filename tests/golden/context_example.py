"""The worked example of a chunk of colour axes and DCT in SPEC.md, section 7.6.

All of it follows from the bytes of the chunk, by the reference decoder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import reference_decoder as reference
from numcodecs_neural import NeuralImage
from tests.golden.cases import crop
from tests.golden.parts import digest
from tests.golden.spec_example import SPEC, lines_of

__all__ = ["BEGIN", "CONTEXT_WEIGHTS", "END", "context_example", "write_context_example"]

CONTEXT_WEIGHTS = "he-fast-2"
QUALITY = 30
WALKED = 12
FLAGS = 576  # where the tables of flags begin
BEGIN, END = "<!-- context example: begin -->\n", "<!-- context example: end -->\n"


class Logged(reference.ContextStream):
    """A stream that remembers what was taken from it."""

    def __init__(self, data: bytes, tables: list[reference.Table]) -> None:
        super().__init__(data, 0)
        self._numbers = {id(table): number for number, table in enumerate(tables)}
        self.entries: list[tuple[int, int, int]] = []  # table, state before it, entry
        self.taken: list[str] = []  # the bits behind each entry

    def entry(self, table: reference.Table) -> int:
        """Decode an entry."""
        state = self._states[self._count % 8]
        entry = super().entry(table)
        self.entries.append((self._numbers[id(table)], state, entry))
        self.taken.append("")
        return entry

    def bits(self, n: int) -> int:
        """Take a number."""
        number = super().bits(n)
        self.taken[-1] += f"{number:0{n}b}"[::-1] if n else ""
        return number


class Watched(reference.ContextImage):
    """An image that remembers hidden layers, and what is expected of constant parts."""

    layers: dict[int, NDArray[Any]]
    expected: list[int]

    def hidden(self, p: int, bias: NDArray[Any], y: int, x: int) -> NDArray[Any]:
        """Return `h2` of a block."""
        self.layers[p] = super().hidden(p, bias, y, x)
        return self.layers[p]

    def constant(self, index: int, eighths: int) -> tuple[int, int]:
        """Decode a constant part."""
        self.expected.append(eighths)
        return super().constant(index, eighths)


def write_context_example() -> None:
    """Replace what stands between the markers in SPEC.md."""
    chunk = NeuralImage(CONTEXT_WEIGHTS, QUALITY).encode(crop(150, 220, 16, 16))
    if chunk[9] != reference.LOSSY:
        sys.exit("the example of SPEC.md did not come out lossy")
    text = SPEC.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    text = before + BEGIN + "\n" + context_example(chunk) + "\n" + END + after
    SPEC.write_text(text, encoding="utf-8", newline="\n")


def context_example(chunk: bytes) -> str:
    """Return what stands between the markers, for the chunk of 16 x 16 pixels that is there."""
    header, section = reference.read_container(chunk)
    weights = reference.find_weights(header.weights_id, reference.WEIGHTS)
    base, slope, chroma = int.from_bytes(section[:2], "little"), section[2], section[3]
    steps = reference.steps_of(base, slope, chroma, 3)
    angles = np.frombuffer(section[4:16], "<u2").tolist()
    matrices = [reference.matrix_of(*angles[:3]), reference.matrix_of(*angles[3:])]
    stream = Logged(section[20:], weights.tables)
    image = Watched(stream, 1, 1, reference.Quantisation(steps, *matrices), weights)
    image.layers, image.expected = {}, []
    parts = image.read()
    stream.finish()
    decoded = reference.decode(chunk).array
    content = reference.find_file(header.weights_id, reference.WEIGHTS)
    lines = [
        f"16 x 16 pixels of stained tissue at quality {header.quality}: one block.",
        f"The decoder file of `{CONTEXT_WEIGHTS}` has the SHA-256",
        f"`{digest(content)}`.",
        "",
        "```",
        *_chunk_lines(chunk, section),
        "```",
        "",
        "| axis | steps of the coefficients 0, 1, 34, 255 | row of `L` | row of `M` |",
        "|---|---|---|---|",
        *(
            f"| {axis} | {_row(steps[axis].ravel()[[0, 1, 34, 255]])} | "
            f"{_row(matrices[0][axis])} | {_row(matrices[1][axis])} |"
            for axis in range(3)
        ),
        "",
        "| pass | first of `h2` | level, flag | first indexes | symbols not 0, as place: symbol |",
        "|---|---|---|---|---|",
        *_pass_lines(parts, image, stream),
        "",
        f"Of the constant parts, {_row(image.expected)} eighths of their steps are expected.",
        f"The first {WALKED} entries:",
        "",
        "| entry | lane | row of `tables` | state | slot | `E` | plain bits |",
        "|---|---|---|---|---|---|---|",
        *_walk_lines(stream),
        "",
        "| channel | first row of its samples |",
        "|---|---|",
        *(f"| {c} | {_row(plane[0])} |" for c, plane in enumerate(decoded)),
        "",
        f"All {decoded.size} samples in C order have the SHA-256 `{reference.sha256(decoded)}`.",
    ]
    return "\n".join(lines) + "\n"


def _row(numbers: Any) -> str:
    return " ".join(str(int(number)) for number in numbers)


def _chunk_lines(chunk: bytes, section: bytes) -> Iterator[str]:
    """Return the bytes of a chunk of three axes, and what they are."""
    words = int.from_bytes(section[20:24], "little")
    end = 56 + 2 * words
    base = int.from_bytes(section[:2], "little")
    return lines_of(
        [
            (chunk[:9], f"magic, version {chunk[4]}, {len(chunk)} bytes"),
            (chunk[9:17], f"lossy, uint8, no flags, quality {chunk[12]}, channel axis -3, 3 axes"),
            (chunk[17:29], "no margin; box of height 16, width 16"),
            (chunk[29:37], "weights id"),
            (chunk[37:49], "shape (3, 16, 16)"),
            (chunk[49:53], f"a section of {len(section)} bytes"),
            (section[:4], f"base {base}, slope {section[2]}, chroma {section[3]}"),
            (section[4:16], "angles"),
            (section[16:20], f"a stream of {len(section) - 20} bytes"),
            (section[20:24], f"{words} words"),
            (section[24:56], "states"),
            (section[56:end], "words"),
            (section[end:], "plain bits"),
            (chunk[-4:], "checksum"),
        ]
    )


def _pass_lines(parts: list[reference.Part], image: Watched, stream: Logged) -> Iterator[str]:
    """Yield a line for each pass."""
    flags = iter([(t - FLAGS, entry) for t, _, entry in stream.entries if t >= FLAGS])
    for p, part in enumerate(parts):
        flag = ""
        if p // 3 in reference.FLAGGED:
            level, value = next(flags)
            flag = f"{level}, {value}"
        coded = part.tables.ravel()
        indexes = _row(coded[:6]) if coded[0] != reference.SKIPPED else ""
        first = _first_place(p // 3)
        symbols = part.symbols.ravel()
        others = ", ".join(f"{first + i}: {symbols[i]}" for i in np.flatnonzero(symbols))
        yield f"| {p} | {_row(image.layers[p][:4])} | {flag} | {indexes} | {others} |"


def _first_place(band: int) -> int:
    lowest = reference.BANDS[band][0]
    return next(n for n, place in enumerate(reference.PLACES) if sum(place) == lowest)


def _walk_lines(stream: Logged) -> Iterator[str]:
    """Yield how the first entries are decoded."""
    for i in range(WALKED):
        table, state, entry = stream.entries[i]
        cells = (i, i % 8, table, f"{state:08x}", state % 16384, entry, stream.taken[i])
        yield f"| {' | '.join(map(str, cells))} |"
