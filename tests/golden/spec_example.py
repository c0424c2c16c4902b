"""The worked example of a lossy chunk in SPEC.md, section 7.4."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from numcodecs_neural import NeuralImage
from numcodecs_neural.entropy import SKIP
from numcodecs_neural.entropy.enc_stream import LANES
from numcodecs_neural.format import Mode, unpack_chunk
from tests.golden.cases import crop
from tests.golden.parts import Part, Weights, digest

__all__ = ["SPEC", "SPEC_WEIGHTS", "lines_of", "write_spec_example"]

SPEC = Path(__file__).resolve().parents[2] / "numcodecs_neural" / "format" / "SPEC.md"
SPEC_WEIGHTS = "he-fast-1"
QUALITY = 30
WALKED = 12
BEGIN, END = "<!-- lossy example: begin -->\n", "<!-- lossy example: end -->\n"


def write_spec_example(weights: Weights) -> None:
    """Replace what stands between the markers in SPEC.md."""
    text = SPEC.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    text = before + BEGIN + "\n" + _example(weights) + "\n" + END + after
    SPEC.write_text(text, encoding="utf-8", newline="\n")


def _example(weights: Weights) -> str:
    """Return the section below its heading."""
    image = crop(150, 220, 16, 16)
    codec = NeuralImage(weights.info.name, QUALITY)
    chunk = codec.encode(image)
    header, (section,) = unpack_chunk(chunk)
    if header.mode is not Mode.LOSSY:
        sys.exit(f"the example of SPEC.md came out {header.mode.name}")
    pixels = np.asarray(codec.decode(chunk))
    parts = weights.parts(image, header)
    classes = len(weights.decoder.tables) // 3
    walked = next(i for i, part in enumerate(parts) if i and part.symbols.size >= WALKED)
    lines = [
        f"16 x 16 pixels of stained tissue at quality {header.quality}: one position of latents,",
        f"one of hyper-latents. The weights `{weights.info.name}` have {classes} classes;",
        "their decoder file has the SHA-256",
        f"`{codec.weights}`.",
        "",
        "```",
        *_chunk_lines(chunk, section),
        "```",
        "",
        "| part | symbols | coded | first tables | symbols that are not 0, as channel: symbol |",
        "|---|---|---|---|---|",
        *(_part_line(i, part) for i, part in enumerate(parts)),
        "",
        f"The first {WALKED} latents of pass {walked}:",
        "",
        "| latent | lane | class | t | table | symbol | half | next t |",
        "|---|---|---|---|---|---|---|---|",
        *_walk_lines(parts[walked], classes),
        "",
        "| channel | first row of its samples |",
        "|---|---|",
        *(f"| {c} | {' '.join(map(str, plane[0]))} |" for c, plane in enumerate(pixels)),
        "",
        f"All {pixels.size} samples in C order have the SHA-256 `{digest(pixels.tobytes())}`.",
    ]
    return "\n".join(lines) + "\n"


def _chunk_lines(chunk: bytes, section: bytes) -> Iterator[str]:
    """Return the bytes of a lossy chunk of three axes, and what they are."""
    lanes, words = section[1] + 1, int.from_bytes(section[2:6], "little")
    begin = 6 + 4 * lanes
    end = begin + 2 * words
    skips = "improbable latents are not coded" if section[0] == 0 else "all latents are coded"
    fields = [
        (chunk[:9], f"magic, version {chunk[4]}, {len(chunk)} bytes"),
        (chunk[9:17], f"lossy, uint8, no flags, quality {chunk[12]}, channel axis -3, 3 axes"),
        (chunk[17:29], "no margin; box of height 16, width 16"),
        (chunk[29:37], "weights id"),
        (chunk[37:49], "shape (3, 16, 16)"),
        (chunk[49:53], f"a section of {len(section)} bytes"),
        (section[:1], skips),
        (section[1:6], f"{lanes} lanes, {words} words"),
        (section[6:begin], "states"),
        (section[begin:end], "words"),
        (section[end:], "escape bits"),
        (chunk[-4:], "checksum"),
    ]
    return lines_of(fields)


def lines_of(fields: Iterable[tuple[bytes, str]]) -> Iterator[str]:
    """Yield lines of bytes, each field with a comment behind its first line."""
    for data, comment in fields:
        for i in range(0, len(data), 12):
            text = data[i : i + 12].hex(" ")
            yield f"{text:<40} ; {comment}" if i == 0 else text


def _part_line(number: int, part: Part) -> str:
    name = f"pass {number}" if number else "hyper-latents"
    first = " ".join(map(str, part.rows[:8]))
    others = ", ".join(f"{c}: {part.symbols[c]}" for c in np.flatnonzero(part.symbols))
    coded = np.count_nonzero(part.rows != SKIP)
    return f"| {name} | {part.symbols.size} | {coded} | {first} | {others} |"


def _walk_lines(part: Part, classes: int) -> Iterator[str]:
    """Yield how the paths of the lanes go; what the encoder chose says all but `t` itself."""
    paths = [0] * LANES
    for i in range(WALKED):
        t, symbol, row = paths[i % LANES], int(part.symbols[i]), int(part.rows[i])
        after = paths[i % LANES] = t // 2 + 2 * ((symbol + t) % 2)
        index, table = (SKIP, "") if row == SKIP else (row - classes * (1 + t // 2), row)
        cells = (i, i % LANES, index, t, table, symbol, part.values[i], after)
        yield f"| {' | '.join(map(str, cells))} |"
