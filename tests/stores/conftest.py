"""Small stores of a slide with tissue on glass, and what damages them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image as Pictures

from numcodecs_neural import cli
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.sources import open_source
from tests.annotations import Image, RunCli

CHUNK_PX, SHARD_PX = 32, 128
HEIGHT, WIDTH = 420, 500


def converted(source: Path, output: Path, **options: Any) -> Path:
    """Convert a file, in small chunks and shards unless told otherwise."""
    chosen: dict[str, Any] = {
        "chunk_px": CHUNK_PX,
        "levels": 3,
        "margin_um": 0,
        "workers": 1,
        **options,
    }
    if chosen.get("ome_zarr_version", "0.5") == "0.5":
        chosen.setdefault("shard_px", SHARD_PX)
    opened = open_source(source)
    convert(opened, str(output), ConvertOptions(**chosen))
    opened.close()
    return output


@pytest.fixture(scope="session")
def slide(tissue: Image) -> Image:
    """Return tissue on glass, (y, x, c)."""
    noise = np.random.default_rng(8).integers(-1, 2, (HEIGHT, WIDTH, 1))
    pixels: Image = (np.array([243, 242, 245]) + noise).astype(np.uint8)
    pixels[96:256, 128:320] = np.moveaxis(tissue, 0, -1)[100:260, 100:292]
    return pixels


@pytest.fixture(scope="session")
def mask(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a picture of where the tissue of the slide is."""
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[100:252, 132:316] = 255
    path = tmp_path_factory.mktemp("mask") / "mask.png"
    Pictures.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="session")
def picture(slide: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the slide as a TIFF of half a micrometre a pixel."""
    path = tmp_path_factory.mktemp("slide") / "slide.tif"
    tifffile.imwrite(
        path,
        slide,
        photometric="rgb",
        tile=(64, 64),
        compression="zlib",
        resolution=(20_000, 20_000),
        resolutionunit="CENTIMETER",
        metadata=None,
    )
    return path


@pytest.fixture(scope="session")
def kept(picture: Path, mask: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return stores of both versions, which nobody may change."""
    folder = tmp_path_factory.mktemp("stores")
    return {
        version: converted(
            picture,
            folder / f"{version}.ome.zarr",
            quality=40,
            ome_zarr_version=version,
            tissue=str(mask),
        )
        for version in ("0.4", "0.5")
    }


@pytest.fixture
def store_of(kept: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that returns a store of a version, the test's own."""

    def copy(version: str) -> Path:
        return Path(shutil.copytree(kept[version], tmp_path / f"own-{version}.ome.zarr"))

    return copy


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Return a function that runs ``numcodecs-neural``: exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as exc:
            code = int(exc.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def foreign(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Return a store of somebody else: zstd, without coverage, with a chunk that is empty."""
    store = tmp_path / "foreign.ome.zarr"
    group: Any = zarr.create_group(store, zarr_format=2)
    pixels = rng.integers(1, 256, (3, 64, 96), dtype=np.uint8)
    pixels[:, :32, :32] = 0
    array = group.create_array(
        "s0",
        shape=pixels.shape,
        chunks=(3, 32, 32),
        dtype=np.uint8,
        compressors={"id": "zstd", "level": 3},
    )
    array[...] = pixels
    scale = [{"type": "scale", "scale": [1, 1, 1]}]
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": [{"name": name} for name in "cyx"],
            "datasets": [{"path": "s0", "coordinateTransformations": scale}],
        }
    ]
    return store


@pytest.fixture
def channels(tmp_path: Path) -> Path:
    """Return a store of two channels of 16 bits, with names, colours and OME-XML."""
    pixels = np.random.default_rng(1).integers(0, 4000, (2, 70, 90), np.uint16)
    sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}
    units = {"PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm"}
    named = {"Name": ["DAPI", "FITC"], "Color": [65535, 16711935]}
    tifffile.imwrite(
        tmp_path / "cells.ome.tif",
        pixels,
        photometric="minisblack",
        metadata={"axes": "CYX", "Channel": named, **sizes, **units},
    )
    return converted(
        tmp_path / "cells.ome.tif", tmp_path / "cells.ome.zarr", codec="zstd", levels=2
    )


class Damaged:
    """Level 0 of a store, whose chunks can be damaged and lost; (row, column) counts chunks."""

    def __init__(self, store: Path) -> None:
        self.store, self.has_shards = store, (store / "zarr.json").exists()

    def damage(self, row: int, column: int) -> None:
        """Change a byte in the middle of a chunk."""
        file, offset, nbytes = self._place(row, column)
        content = bytearray(file.read_bytes())
        content[offset + nbytes // 2] ^= 0x10
        file.write_bytes(content)

    def lose(self, row: int, column: int) -> None:
        """Delete a chunk."""
        if not self.has_shards:
            self._file(row, column).unlink()
            return
        file = self._shard(row, column)
        content = file.read_bytes()
        index = self._index(content).copy()
        index[self._inside(row, column)] = np.iinfo(np.uint64).max
        file.write_bytes(content[: -index.nbytes - 4] + _sealed(index))

    def replace(self, row: int, column: int, chunk: bytes) -> None:
        """Put other bytes in a chunk's place, whether it was stored or not."""
        if not self.has_shards:
            self._file(row, column).parent.mkdir(parents=True, exist_ok=True)
            self._file(row, column).write_bytes(chunk)
            return
        file = self._shard(row, column)
        content = file.read_bytes()
        index = self._index(content).copy()
        data = content[: -index.nbytes - 4]
        index[self._inside(row, column)] = len(data), len(chunk)
        file.write_bytes(data + chunk + _sealed(index))

    def chunk(self, row: int, column: int) -> bytes:
        """Return the bytes of a chunk."""
        file, offset, nbytes = self._place(row, column)
        return file.read_bytes()[offset : offset + nbytes]

    def _place(self, row: int, column: int) -> tuple[Path, int, int]:
        if not self.has_shards:
            file = self._file(row, column)
            return file, 0, file.stat().st_size
        file = self._shard(row, column)
        offset, nbytes = self._index(file.read_bytes())[self._inside(row, column)].tolist()
        return file, offset, nbytes

    def _file(self, row: int, column: int) -> Path:
        return self.store / "0" / "0" / str(row) / str(column)

    def _shard(self, row: int, column: int) -> Path:
        side = SHARD_PX // CHUNK_PX
        return self.store / "0" / "c" / "0" / str(row // side) / str(column // side)

    def _inside(self, row: int, column: int) -> tuple[int, int]:
        side = SHARD_PX // CHUNK_PX
        return row % side, column % side

    def _index(self, content: bytes) -> Any:
        side = SHARD_PX // CHUNK_PX
        nbytes = 16 * side * side
        return np.frombuffer(content[-nbytes - 4 : -4], "<u8").reshape(side, side, 2)


def _sealed(index: Any) -> bytes:
    data = index.astype("<u8").tobytes()
    return bytes(data + google_crc32c.value(data).to_bytes(4, "little"))
