"""The worked example of an exact chunk in SPEC.md, section 7.7.

All of it follows from the bytes of the chunk, by the reference decoder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import reference_decoder as reference
from numcodecs_neural import NeuralImage
from numcodecs_neural.weights import exact_weights
from tests.golden.cases import crop
from tests.golden.parts import digest
from tests.golden.spec_example import SPEC, lines_of

__all__ = ["BEGIN", "END", "exact_example", "write_exact_example"]

MAX_ERROR = 2
SIDE = 16
WALKED = 12
VALUES = 11  # bytes that say what levels stand for
COLUMNS = (
    *("sample", "x, y", "lane", "outputs", "row of `tables`", "`p`", "state", "slot", "`E`"),
    *("plain bits", "`y`", "level"),
)
BEGIN, END = "<!-- exact example: begin -->\n", "<!-- exact example: end -->\n"


class Logged(reference.ExactStream):
    """A stream that remembers how numbers were taken from it."""

    def __init__(self, fields: reference.Fields, tables: Sequence[Sequence[int]]) -> None:
        super().__init__(fields)
        self._rows = {tuple(table): row for row, table in enumerate(tables)}
        self.numbers: list[list[Any]] = []  # row, plain bits, state, slot, entry, bits, number

    def number(self, table: reference.Table, p: int) -> int:
        """Decode a number with `p` low bits that are plain."""
        state = self._states[self._count % 8]
        row = self._rows[tuple(table.frequency)]
        self.numbers.append([row, p, f"{state:08x}", state % 16384, "", ""])
        number = super().number(table, p)
        self.numbers[-1].append(number)
        return number

    def entry(self, table: reference.Table) -> int:
        """Decode an entry."""
        entry = super().entry(table)
        self.numbers[-1][4] = entry
        return entry

    def bits(self, n: int) -> int:
        """Take a number."""
        number = super().bits(n)
        self.numbers[-1][5] += f"{number:0{n}b}"[::-1] if n else ""
        return number


class Watched(reference.ExactPlane):
    """A plane that remembers what goes into its network, and what comes out."""

    inputs: list[NDArray[Any]]
    outputs: list[tuple[int, int]]

    def network(self, x: NDArray[Any], a: reference.Arrays) -> tuple[int, int]:
        """Return by how much the mean and the scale are corrected."""
        self.inputs.append(x)
        self.outputs.append(super().network(x, a))
        return self.outputs[-1]


def write_exact_example() -> None:
    """Replace what stands between the markers in SPEC.md."""
    image = crop(150, 220, SIDE, SIDE)[1]
    chunk = NeuralImage(max_error=MAX_ERROR).encode(image)
    if chunk[9] != reference.EXACT:
        sys.exit("the example of SPEC.md did not come out exact")
    text = SPEC.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    text = before + BEGIN + "\n" + exact_example(chunk) + "\n" + END + after
    SPEC.write_text(text, encoding="utf-8", newline="\n")


def exact_example(chunk: bytes) -> str:
    """Return what stands between the markers, for the grey chunk that is there."""
    header, section = reference.read_container(chunk)
    content = reference.find_file(header.weights_id, reference.WEIGHTS)
    _, arrays = reference.read_safetensors(content)
    fields = reference.Fields(section)
    fields.take(VALUES)
    head = reference.read_head(fields, 0, len(arrays["tables"]))
    begin = len(section) - len(fields.rest())
    most, largest = (int.from_bytes(section[at : at + 2], "little") for at in (7, 9))
    stream = Logged(reference.Fields(section[begin:]), arrays["tables"][head.tables].tolist())
    plane = Watched((SIDE, SIDE), [], head.terms, (most, largest))
    plane.inputs, plane.outputs = [], []
    plane.read(stream, arrays, head)
    stream.finish()
    decoded = reference.decode(chunk).array
    lines = [
        f"{SIDE} x {SIDE} grey pixels, each within {header.largest_error}.",
        f"The file of the weights `{exact_weights().name}` has the SHA-256",
        f"`{digest(content)}`.",
        "",
        "```",
        *_chunk_lines(chunk, section, begin),
        "```",
        "",
        f"The plane has {len(head.back)} references and the coefficients {_row(head.terms)}.",
        f"The first {WALKED} samples:",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
        *_walk_lines(stream, plane),
        "",
        f"The inputs of sample {WALKED - 1} are {_row(plane.inputs[WALKED - 1])}.",
        "",
        "| row | samples |",
        "|---|---|",
        *(f"| {y} | {_row(row)} |" for y, row in enumerate(decoded[:4])),
        "",
        f"All {decoded.size} samples in C order have the SHA-256 `{reference.sha256(decoded)}`.",
    ]
    return "\n".join(lines) + "\n"


def _row(numbers: Any) -> str:
    return " ".join(str(int(number)) for number in numbers)


def _chunk_lines(chunk: bytes, section: bytes, begin: int) -> Iterator[str]:
    """Return the bytes of a chunk of two axes, and what they are."""
    words, bits = (int.from_bytes(section[at : at + 4], "little") for at in (begin, begin + 4))
    end = begin + 40 + 2 * words
    low, most = int.from_bytes(section[1:5], "little", signed=True), section[7] + 256 * section[8]
    return lines_of(
        [
            (chunk[:9], f"magic, version {chunk[4]}, {len(chunk)} bytes"),
            (chunk[9:17], f"exact, uint8, no channel axis, 2 axes, largest error {chunk[15]}"),
            (chunk[17:29], f"no margin; box of height {SIDE}, width {SIDE}"),
            (chunk[29:37], "weights id"),
            (chunk[37:45], f"shape ({SIDE}, {SIDE})"),
            (chunk[45:49], f"a section of {len(section)} bytes"),
            (
                section[:VALUES],
                f"even: from {low} on by {section[5]}; M = {most}, K = {section[9]}",
            ),
            (section[VALUES : VALUES + 1], "a plane without references"),
            (section[VALUES + 1 : VALUES + 2], f"set {section[VALUES + 1]} of tables"),
            (section[VALUES + 2 : begin], "its coefficients"),
            (section[begin : begin + 8], f"{words} words, {bits} plain bits"),
            (section[begin + 8 : begin + 40], "states"),
            (section[begin + 40 : end], "words"),
            (section[end:], "plain bits"),
            (chunk[-4:], "checksum"),
        ]
    )


def _walk_lines(stream: Logged, plane: Watched) -> Iterator[str]:
    """Yield how the first samples are decoded."""
    places = sorted(np.ndindex(SIDE, SIDE), key=lambda place: (place[1] + 2 * place[0], place[0]))
    levels = plane.levels()
    for i in range(WALKED):
        y, x = places[i]
        outputs = ", ".join(map(str, plane.outputs[i]))
        cells = (i, f"{x}, {y}", i % 8, outputs, *stream.numbers[i], levels[y, x])
        yield f"| {' | '.join(map(str, cells))} |"
