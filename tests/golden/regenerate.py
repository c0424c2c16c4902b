"""Write the frozen chunks of a set of weights, and their worked example in SPEC.md.

    PYTHONPATH=conformance python -m tests.golden.regenerate he-fast-1 --unreleased

The only writer of the folders beside it. With ``--add``, it writes the chunks that a folder lacks,
and leaves the others as they are. Without ``--unreleased`` it makes new folders only: a folder that
a release has shipped is never written again, since users' archives hold such chunks.
"""

from __future__ import annotations

import argparse
import json
import lzma
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, NeuralImageCodec, config
from numcodecs_neural.format import Mode, unpack_chunk
from tests.golden.cases import Case, array_case, chunk_cases
from tests.golden.context_example import CONTEXT_WEIGHTS, write_context_example
from tests.golden.parts import ContextWeights, Weights, digest, weights_of
from tests.golden.spec_example import SPEC_WEIGHTS, write_spec_example

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FORMAT_VERSION = 2


class Writer:
    """Writes the files of one set of weights into a folder."""

    def __init__(self, folder: Path, weights: Weights | ContextWeights) -> None:
        self._folder, self._weights, self._name = folder, weights, weights.info.name
        self._manifest: dict[str, Any] = {
            "weights": weights.info.sha256,
            "chunks": {},
            "arrays": {},
        }

    def write(self) -> None:
        """Write everything; the manifest last."""
        for name, case in self._cases().items():
            self._write_chunk(name, case)
        for name, array in self._arrays():
            pixels = array[...]
            assert isinstance(pixels, np.ndarray)
            self._write_pixels(name, pixels)
            self._manifest["arrays"][f"{name}.zarr"] = digest(pixels.tobytes())
        self._write_manifest()

    def add(self) -> None:
        """Write the chunks that the folder lacks; the manifest last."""
        path = self._folder / "manifest.json"
        self._manifest = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
        for name, case in self._cases().items():
            if name not in self._manifest["chunks"]:
                self._write_chunk(name, case)
        self._write_manifest()

    def _cases(self) -> dict[str, Case]:
        is_tuned = isinstance(self._weights, ContextWeights)
        return chunk_cases(self._weights.info.channels, is_tuned=is_tuned)

    def _write_manifest(self) -> None:
        self._manifest["files"] = {
            path.relative_to(self._folder).as_posix(): digest(path.read_bytes())
            for path in sorted(self._folder.rglob("*"))
            if path.is_file()
        }
        text = json.dumps(self._manifest, indent=1) + "\n"
        (self._folder / "manifest.json").write_text(text, encoding="utf-8", newline="\n")

    def _write_chunk(self, name: str, case: Case) -> None:
        codec = NeuralImage(
            self._name,
            case.quality,
            channel_axis=case.channel_axis,
            value_range=case.value_range,
            tune=case.tune,
        )
        image = case.image
        for _ in range(case.generation - 1):
            image = np.asarray(codec.decode(codec.encode(image)))
        chunk = codec.encode(image)
        header, _ = unpack_chunk(chunk)
        if header.mode is not case.mode:
            sys.exit(f"{name} came out {header.mode.name} and shall be {case.mode.name}")
        pixels = codec.decode(chunk)
        parts = None
        if header.mode is Mode.LOSSY:
            values = self._weights.values(image, chunk)
            parts = digest(b"".join(x.astype("<i4").tobytes() for x in values))
        (self._folder / f"{name}.chunk").write_bytes(chunk)
        self._write_pixels(name, pixels)
        self._manifest["chunks"][name] = {
            "mode": header.mode.name,
            "quality": header.quality,
            "shape": list(header.shape),
            "order": header.order,
            "channel_axis": header.channel_axis,
            "box": list(header.box),
            "margin_value": header.margin_value,
            "parts": parts,
            "pixels": digest(pixels.tobytes()),
        }

    def _arrays(self) -> Iterator[tuple[str, zarr.Array[Any]]]:
        """Yield a Zarr array of each format, with edges, and with a chunk that is left out."""
        case = array_case(self._weights.info.channels)
        parameters: dict[str, Any] = {"quality": 60, "value_range": case.value_range}
        channels = case.image.shape[:-2]
        common: dict[str, Any] = {
            "shape": case.image.shape,
            "chunks": (*channels, 64, 64),
            "dtype": case.image.dtype,
            "fill_value": case.fill_value,
            "config": {"write_empty_chunks": False},
        }
        v2 = zarr.create_array(
            self._folder / "zarr-v2.zarr",
            **common,
            compressors=NeuralImage(self._name, **parameters),
            filters=None,
            zarr_format=2,
        )
        v2[...] = case.image
        yield "zarr-v2", v2
        v3 = zarr.create_array(
            self._folder / "zarr-v3-sharded.zarr",
            **common,
            shards=(*channels, 128, 128),
            serializer=NeuralImageCodec(self._name, **parameters),
            compressors=None,
            dimension_names=["c", "y", "x"][-case.image.ndim :],
        )
        v3[...] = case.image
        yield "zarr-v3-sharded", v3

    def _write_pixels(self, name: str, pixels: NDArray[Any]) -> None:
        with lzma.open(self._folder / f"{name}.npy.xz", "wb", preset=9) as file:
            np.save(file, pixels)


def refuse_if_released(folder: Path, *, is_unreleased: bool) -> None:
    """Exit if `folder` is there already, unless it is said and true that no release has it."""
    if not folder.exists():
        return
    name = folder.relative_to(ROOT).as_posix()
    if not is_unreleased:
        sys.exit(f"{name} exists. If no release has shipped it, give --unreleased.")
    tags = _git("tag").split()
    released = [tag for tag in tags if _git("ls-tree", "--name-only", tag, "--", name)]
    if released:
        sys.exit(f"{name} was released with {released[0]}, and is never written again")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Write the folder of the weights that are named, and the example that is theirs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("weights", nargs="?", default=SPEC_WEIGHTS, help="exact name")
    parser.add_argument("--unreleased", action="store_true", help="write an existing folder anew")
    parser.add_argument("--add", action="store_true", help="write only what a folder lacks")
    options = parser.parse_args()
    config.set(device="numpy")
    weights = weights_of(options.weights)
    folder = HERE / f"v{FORMAT_VERSION}" / weights.info.name
    if options.add:
        Writer(folder, weights).add()
        return
    refuse_if_released(folder, is_unreleased=options.unreleased)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        Writer(made, weights).write()
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(made, folder)
    if isinstance(weights, Weights) and weights.info.name == SPEC_WEIGHTS:
        write_spec_example(weights)
    if weights.info.name == CONTEXT_WEIGHTS:
        write_context_example()
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    print(f"{folder.relative_to(ROOT)}: {len(sizes)} files, {sum(sizes)} bytes")


if __name__ == "__main__":
    main()
