"""Write the frozen chunks of the exact mode, and their worked example in SPEC.md.

    PYTHONPATH=conformance python -m tests.golden.regenerate_exact --unreleased

The only writer of the folders ``exact-*`` beside it, under the rules of `regenerate`.
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
from numcodecs_neural.format import Mode, unpack_chunk
from numcodecs_neural.weights import exact_weights
from tests.golden.exact_cases import ExactCase, exact_cases
from tests.golden.exact_example import write_exact_example
from tests.golden.parts import digest
from tests.golden.regenerate import FORMAT_VERSION, HERE, ROOT, refuse_if_released


def write(folder: Path) -> None:
    """Write everything; the manifest last."""
    manifest: dict[str, Any] = {"weights": exact_weights().sha256, "chunks": {}, "arrays": {}}
    for name, case in exact_cases().items():
        manifest["chunks"][name] = write_chunk(folder, name, case)
    manifest["files"] = {
        path.relative_to(folder).as_posix(): digest(path.read_bytes())
        for path in sorted(folder.rglob("*"))
    }
    text = json.dumps(manifest, indent=1) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8", newline="\n")


def write_chunk(folder: Path, name: str, case: ExactCase) -> dict[str, Any]:
    """Write a chunk and its pixels; return its entry of the manifest."""
    codec = NeuralImage(channel_axis=case.channel_axis, max_error=case.max_error)
    chunk = codec.encode(case.image)
    header, _ = unpack_chunk(chunk)
    if header.mode is not Mode.EXACT:
        sys.exit(f"{name} came out {header.mode.name}")
    pixels = codec.decode(chunk)
    (folder / f"{name}.chunk").write_bytes(chunk)
    with lzma.open(folder / f"{name}.npy.xz", "wb", preset=9) as file:
        np.save(file, pixels)
    return {
        "mode": header.mode.name,
        "shape": list(header.shape),
        "channel_axis": header.channel_axis,
        "box": list(header.box),
        "max_error": header.max_error,
        "parts": None,
        "pixels": digest(pixels.tobytes()),
    }


def main() -> None:
    """Write the folder of the newest weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--unreleased", action="store_true", help="write an existing folder anew")
    options = parser.parse_args()
    folder = HERE / f"v{FORMAT_VERSION}" / exact_weights().name
    refuse_if_released(folder, is_unreleased=options.unreleased)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        write(made)
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(made, folder)
    write_exact_example()
    sizes = [path.stat().st_size for path in folder.rglob("*")]
    print(f"{folder.relative_to(ROOT)}: {len(sizes)} files, {sum(sizes)} bytes")


if __name__ == "__main__":
    main()
