"""Write the frozen chunks of the JPEG mode by one coder of coefficients.

    python -m tests.golden.regenerate_jpeg huffman --unreleased

The only writer of the folders ``jpeg-*`` beside it, under the rules of `regenerate`.
"""

from __future__ import annotations

import argparse
import json
import lzma
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from numcodecs_neural import NeuralImage
from numcodecs_neural.codec import mosaic_of
from numcodecs_neural.coding import enc_jpeg
from numcodecs_neural.format import unpack_chunk
from numcodecs_neural.jpeg import Coefficients
from numcodecs_neural.jpeg.offers import offered
from tests.golden.jpeg_cases import JpegCase, jpeg_cases
from tests.golden.parts import digest
from tests.golden.regenerate import FORMAT_VERSION, HERE, ROOT, refuse_if_released

CODERS = {"huffman": 0, "adaptive": 1, "network": 2}
"""Numbers of coders by their names in the names of folders."""


def coefficients_digest(coefficients: Coefficients) -> str:
    """Return the SHA-256 of all coefficients as little-endian numbers of two bytes."""
    return digest(b"".join(blocks.astype("<i2").tobytes() for blocks in coefficients))


def write(folder: Path, coder: int) -> None:
    """Write everything; the manifest last."""
    manifest: dict[str, Any] = {"coder": coder, "chunks": {}, "arrays": {}}
    for name, case in jpeg_cases().items():
        manifest["chunks"][name] = write_chunk(folder, name, case, coder)
    manifest["files"] = {
        path.relative_to(folder).as_posix(): digest(path.read_bytes())
        for path in sorted(folder.rglob("*"))
    }
    text = json.dumps(manifest, indent=1) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8", newline="\n")


def write_chunk(folder: Path, name: str, case: JpegCase, coder: int) -> dict[str, Any]:
    """Write a chunk and its pixels; return its entry of the manifest."""
    model = "he-fast" if case.channel_axis else "grey-fast"
    codec = NeuralImage(model, channel_axis=case.channel_axis)
    with offered([(case.chunk, case.channel_axis or 0, case.mosaic)]):
        chunk = codec.encode(case.chunk)
    header, (section,) = unpack_chunk(chunk)
    mosaic = mosaic_of(chunk)
    if mosaic is None or section[0] != coder:
        sys.exit(f"{name} came out {header.mode.name}, by coder {section[0]}")
    pixels = codec.decode(chunk)
    (folder / f"{name}.chunk").write_bytes(chunk)
    with lzma.open(folder / f"{name}.npy.xz", "wb", preset=9) as file:
        np.save(file, pixels)
    return {
        "mode": header.mode.name,
        "shape": list(header.shape),
        "channel_axis": header.channel_axis,
        "box": list(header.box),
        "grid": list(mosaic.grid),
        "parts": None,
        "pixels": digest(pixels.tobytes()),
        "coefficients": coefficients_digest(mosaic.coefficients),
    }


def main() -> None:
    """Write the folder of the coder that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("coder", choices=CODERS)
    parser.add_argument("--unreleased", action="store_true", help="write an existing folder anew")
    options = parser.parse_args()
    folder = HERE / f"v{FORMAT_VERSION}" / f"jpeg-{options.coder}"
    refuse_if_released(folder, is_unreleased=options.unreleased)
    # With this coder alone, or the smallest result would be frozen.
    coders = enc_jpeg.JPEG_ENCODERS
    number = CODERS[options.coder]
    enc_jpeg.JPEG_ENCODERS = {number: coders[number]}
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        write(made, number)
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(made, folder)
    sizes = [path.stat().st_size for path in folder.rglob("*")]
    print(f"{folder.relative_to(ROOT)}: {len(sizes)} files, {sum(sizes)} bytes")


if __name__ == "__main__":
    main()
