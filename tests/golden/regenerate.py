"""Write the frozen chunks of a set of weights, and the worked example of SPEC.md.

    python tests/golden/regenerate.py he-fast-1 --unreleased

The only writer of the folders beside it. Without ``--unreleased`` it makes new folders only: a
folder that a release has shipped is never written again, since users' archives hold such chunks.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import zarr
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, NeuralImageCodec, config
from numcodecs_neural.coding.lossy import symbols_and_indexes
from numcodecs_neural.coding.planes import to_planes
from numcodecs_neural.format import ChunkHeader, Mode, unpack_chunk
from numcodecs_neural.networks.models import DecoderModel, EncoderModel
from numcodecs_neural.networks.numpy_backend import NumpyBackend
from numcodecs_neural.weights import load_decoder, load_encoder, resolve

Image = NDArray[np.uint8]
Part = tuple[NDArray[np.int32], NDArray[np.uint8]]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FORMAT_VERSION = 2
SPEC = ROOT / "numcodecs_neural" / "format" / "SPEC.md"
SPEC_WEIGHTS = "he-fast-1"
SPEC_QUALITY = 30
BEGIN, END = "<!-- lossy example: begin -->\n", "<!-- lossy example: end -->\n"
COLOUR = np.array([240, 230, 235], np.uint8)[:, None, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A chunk to freeze, and the mode that it stands for."""

    image: Image
    mode: Mode
    quality: int = 60
    channel_axis: int = -3


def crop(y: int, x: int, height: int, width: int) -> Image:
    """Return a region of stained colon as (c, y, x)."""
    pixels: Image = skimage.data.immunohistochemistry()
    return np.ascontiguousarray(pixels[y : y + height, x : x + width].transpose(2, 0, 1))


def framed(image: Image, height: int, width: int, value: int) -> Image:
    """Return `image` with a margin at the right and the bottom."""
    frame = np.full((len(image), height, width), value, np.uint8)
    frame[:, : image.shape[1], : image.shape[2]] = image
    return frame


def cases() -> dict[str, Case]:
    """Return all chunks by name."""
    slopes = np.arange(1, 4, dtype=np.uint8)[:, None, None]
    ramp = slopes * np.indices((48, 80)).sum(0).astype(np.uint8)
    noise = np.random.default_rng(1).integers(0, 256, (3, 48, 64), dtype=np.uint8)
    square = np.broadcast_to(COLOUR, (3, 64, 64))
    last = np.ascontiguousarray
    lossy = {
        "quality-0": Case(image=crop(0, 0, 96, 96), mode=Mode.LOSSY, quality=0),
        "quality-30": Case(image=crop(100, 40, 80, 80), mode=Mode.LOSSY, quality=30),
        "quality-60": Case(image=crop(230, 300, 80, 80), mode=Mode.LOSSY),
        "quality-90": Case(image=crop(400, 120, 64, 80), mode=Mode.LOSSY, quality=90),
        "quality-100": Case(image=crop(60, 380, 64, 64), mode=Mode.LOSSY, quality=100),
        "margin-white": Case(image=framed(crop(30, 30, 70, 67), 128, 128, 255), mode=Mode.LOSSY),
        "margin-black": Case(image=framed(crop(5, 9, 64, 77), 64, 160, 0), mode=Mode.LOSSY),
        "odd-size": Case(image=crop(301, 203, 77, 101), mode=Mode.LOSSY, quality=45),
        "three-rows": Case(image=crop(250, 250, 3, 90), mode=Mode.LOSSY, quality=20),
        "channel-last": Case(
            image=last(crop(330, 10, 80, 64).transpose(1, 2, 0)), mode=Mode.LOSSY, channel_axis=-1
        ),
        "fortran-order": Case(image=np.asfortranarray(crop(20, 420, 64, 80)), mode=Mode.LOSSY),
        "batch-of-two": Case(
            image=np.stack([crop(440, 400, 64, 48), crop(150, 450, 64, 48)]), mode=Mode.LOSSY
        ),
        "noise": Case(image=noise, mode=Mode.LOSSY, quality=75),
    }
    return {
        "constant": Case(image=square, mode=Mode.CONSTANT),
        "constant-margin": Case(image=framed(square[:, :40, :30], 64, 64, 255), mode=Mode.CONSTANT),
        "stored": Case(image=ramp, mode=Mode.STORED),
        "stored-channel-last-margin": Case(
            image=last(framed(ramp, 64, 96, 7).transpose(1, 2, 0)),
            mode=Mode.STORED,
            channel_axis=-1,
        ),
        **lossy,
    }


class Writer:
    """Writes the files of one set of weights into a folder."""

    def __init__(self, folder: Path, weights: str) -> None:
        info = resolve(weights)
        self._folder, self._weights = folder, weights
        self._decoder = DecoderModel.from_file(load_decoder(info))
        self._encoder = EncoderModel.from_file(load_encoder(info), info.sha256)
        self._manifest: dict[str, Any] = {"weights": info.sha256, "chunks": {}, "arrays": {}}

    def write(self) -> None:
        """Write everything; the manifest last."""
        for name, case in cases().items():
            self._write_chunk(name, case)
        for name, array in self._arrays():
            pixels = array[...]
            assert isinstance(pixels, np.ndarray)
            self._write_pixels(name, pixels)
            self._manifest["arrays"][f"{name}.zarr"] = digest(pixels.tobytes())
        self._manifest["files"] = {
            path.relative_to(self._folder).as_posix(): digest(path.read_bytes())
            for path in sorted(self._folder.rglob("*"))
            if path.is_file()
        }
        text = json.dumps(self._manifest, indent=1) + "\n"
        (self._folder / "manifest.json").write_text(text, encoding="utf-8", newline="\n")

    def parts(self, image: Image, header: ChunkHeader) -> list[Part]:
        """Return symbols and indexes as the encoder had them before it coded them."""
        planes = to_planes(image, header.channel_axis)[..., : header.box[0], : header.box[1]]
        return symbols_and_indexes(
            np.ascontiguousarray(planes),
            header.quality,
            decoder=self._decoder,
            encoder=self._encoder,
            backend=NumpyBackend(),
        )

    def _write_chunk(self, name: str, case: Case) -> None:
        codec = NeuralImage(self._weights, case.quality, channel_axis=case.channel_axis)
        chunk = codec.encode(case.image)
        header, _ = unpack_chunk(chunk)
        if header.mode is not case.mode:
            sys.exit(f"{name} came out {header.mode.name} and shall be {case.mode.name}")
        pixels = codec.decode(chunk)
        symbols = None
        if header.mode is Mode.LOSSY:
            parts = self.parts(case.image, header)
            symbols = digest(b"".join(s.astype("<i4").tobytes() for s, _ in parts))
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
            "symbols": symbols,
            "pixels": digest(pixels.tobytes()),
        }

    def _arrays(self) -> Iterator[tuple[str, zarr.Array[Any]]]:
        """Yield a Zarr array of each format, with edges, and with a chunk that is left out."""
        image = crop(110, 200, 100, 120)
        image[:, :64, 64:] = 255
        codec = NeuralImage(self._weights, 60)
        v2 = zarr.create_array(
            self._folder / "zarr-v2.zarr",
            shape=image.shape,
            chunks=(3, 64, 64),
            dtype="uint8",
            fill_value=255,
            compressors=codec,
            filters=None,
            zarr_format=2,
            config={"write_empty_chunks": False},
        )
        v2[...] = image
        yield "zarr-v2", v2
        v3 = zarr.create_array(
            self._folder / "zarr-v3-sharded.zarr",
            shape=image.shape,
            chunks=(3, 64, 64),
            shards=(3, 128, 128),
            dtype="uint8",
            fill_value=255,
            serializer=NeuralImageCodec(self._weights, 60),
            compressors=None,
            dimension_names=["c", "y", "x"],
            config={"write_empty_chunks": False},
        )
        v3[...] = image
        yield "zarr-v3-sharded", v3

    def _write_pixels(self, name: str, pixels: NDArray[Any]) -> None:
        with lzma.open(self._folder / f"{name}.npy.xz", "wb", preset=9) as file:
            np.save(file, pixels)


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data`, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def spec_example(writer: Writer) -> str:
    """Return section 7.4 of SPEC.md below its heading."""
    image = crop(150, 220, 16, 16)
    codec = NeuralImage(SPEC_WEIGHTS, SPEC_QUALITY)
    chunk = codec.encode(image)
    header, (stream,) = unpack_chunk(chunk)
    if header.mode is not Mode.LOSSY:
        sys.exit(f"the example of SPEC.md came out {header.mode.name}")
    pixels = np.asarray(codec.decode(chunk))
    lines = [
        f"16 x 16 pixels of stained tissue at quality {header.quality}: one position of latents,",
        f"one of hyper-latents. The decoder file of the weights `{SPEC_WEIGHTS}` has the SHA-256",
        f"`{codec.weights}`.",
        "",
        "```",
        *_chunk_lines(chunk, stream),
        "```",
        "",
        "| part | symbols | coded | first indexes | symbols that are not 0, as channel: symbol |",
        "|---|---|---|---|---|",
        *(_part_line(i, part) for i, part in enumerate(writer.parts(image, header))),
        "",
        "| channel | first row of its samples |",
        "|---|---|",
        *(f"| {c} | {' '.join(map(str, plane[0]))} |" for c, plane in enumerate(pixels)),
        "",
        f"All {pixels.size} samples in C order have the SHA-256 `{digest(pixels.tobytes())}`.",
    ]
    return "\n".join(lines) + "\n"


def _chunk_lines(chunk: bytes, stream: bytes) -> Iterator[str]:
    """Yield the bytes of a lossy chunk of three axes, and what they are."""
    lanes, words = stream[0] + 1, int.from_bytes(stream[1:5], "little")
    begin = 5 + 4 * lanes
    end = begin + 2 * words
    fields = [
        (chunk[:9], f"magic, version {FORMAT_VERSION}, {len(chunk)} bytes"),
        (chunk[9:17], f"lossy, uint8, no flags, quality {chunk[12]}, channel axis -3, 3 axes"),
        (chunk[17:29], "no margin; box of height 16, width 16"),
        (chunk[29:37], "weights id"),
        (chunk[37:49], "shape (3, 16, 16)"),
        (chunk[49:53], f"a section of {len(stream)} bytes"),
        (stream[:5], f"{lanes} lanes, {words} words"),
        (stream[5:begin], "states"),
        (stream[begin:end], "words"),
        (stream[end:], "escape bits"),
        (chunk[-4:], "checksum"),
    ]
    for data, comment in fields:
        for i in range(0, len(data), 12):
            text = data[i : i + 12].hex(" ")
            yield f"{text:<40} ; {comment}" if i == 0 else text


def _part_line(number: int, part: Part) -> str:
    symbols, indexes = (x.ravel() for x in part)
    name = f"pass {number}" if number else "hyper-latents"
    first = " ".join(map(str, indexes[:8]))
    others = ", ".join(f"{c}: {symbols[c]}" for c in np.flatnonzero(symbols))
    coded = np.count_nonzero(indexes != 255)
    return f"| {name} | {symbols.size} | {coded} | {first} | {others} |"


def write_spec_example(writer: Writer) -> None:
    """Replace what stands between the markers in SPEC.md."""
    text = SPEC.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    text = before + BEGIN + "\n" + spec_example(writer) + "\n" + END + after
    SPEC.write_text(text, encoding="utf-8", newline="\n")


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
    options = parser.parse_args()
    config.set(device="numpy")
    folder = HERE / f"v{FORMAT_VERSION}" / resolve(options.weights).name
    refuse_if_released(folder, is_unreleased=options.unreleased)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        writer = Writer(made, options.weights)
        writer.write()
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(made, folder)
    if options.weights == SPEC_WEIGHTS:
        write_spec_example(writer)
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    print(f"{folder.relative_to(ROOT)}: {len(sizes)} files, {sum(sizes)} bytes")


if __name__ == "__main__":
    main()
