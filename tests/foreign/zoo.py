"""Small OME-Zarr images as other programs write them, and damaged ones."""

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numcodecs
import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BytesCodec, ShardingCodec, TransposeCodec

from tests.converters.sources.omezarr_writer import RGB, write_image

__all__ = ["ANIMALS", "DAMAGES", "Animal", "damaged", "pack", "store_of"]

_SHAPES = {"t": 2, "z": 2}


@dataclass(frozen=True)
class Animal:
    """How an image is written.

    Parameters
    ----------
    axes : str
    dtype : str
    channels : int
    sizes : tuple of (int, int)
        (y, x) of each level.
    zarr_format : int
        2 or 3.
    array : dict
        What else `zarr.Group.create_array` is told.
    omero : dict, optional
    """

    axes: str = "cyx"
    dtype: str = "u1"
    channels: int = 3
    sizes: tuple[tuple[int, int], ...] = ((70, 50), (35, 25))
    zarr_format: Literal[2, 3] = 3
    array: dict[str, Any] = field(default_factory=dict)
    omero: dict[str, Any] | None = None

    def levels(self) -> list[NDArray[Any]]:
        """Return its pixels, which are the same at every call."""
        rng = np.random.default_rng(5)
        others = [_SHAPES.get(axis, self.channels) for axis in self.axes[:-2]]
        dtype = np.dtype(self.dtype)
        largest = 1 if dtype.kind == "f" else np.iinfo(dtype).max
        return [(rng.random((*others, *size)) * largest).astype(dtype) for size in self.sizes]


_BLOSC = numcodecs.get_codec({"id": "blosc", "cname": "lz4"})
_BIG = {"serializer": BytesCodec(endian="big")}
_TURNED = {"filters": [TransposeCodec(order=(2, 1, 0))]}
_SHARDED = {"chunks": (1, 16, 16), "shards": (3, 48, 32)}
_INDEX_FIRST = {
    "chunks": (3, 48, 48),
    "compressors": None,
    "serializer": ShardingCodec(chunk_shape=(1, 16, 16), index_location="start"),
}
_KEYS_OF_V2 = {"chunk_key_encoding": {"name": "v2", "configuration": {"separator": "."}}}

ANIMALS = {
    "yx": Animal("yx"),
    "one channel in 0.4": Animal(channels=1, zarr_format=2),
    "seven channels": Animal(channels=7, dtype="u2"),
    "RGBA": Animal(channels=4, array={"chunks": (4, 32, 32)}),
    "named RGB": Animal("czyx", omero={"channels": RGB}),
    "five axes": Animal("tczyx", dtype="i2", channels=2),
    "float": Animal(dtype="f4", channels=2),
    "big endian of v2": Animal(dtype=">u2", zarr_format=2),
    "big endian of v3": Animal(dtype="u2", array=_BIG),
    "Fortran order": Animal(dtype="u2", zarr_format=2, array={"order": "F"}),
    "transposed": Animal(dtype="u2", array=_TURNED),
    "blosc": Animal(zarr_format=2, array={"compressors": _BLOSC}),
    "not compressed": Animal(array={"compressors": None}),
    "shards": Animal(array=_SHARDED),
    "shards whose index is first": Animal(array=_INDEX_FIRST),
    "keys of v2": Animal(array=_KEYS_OF_V2),
    "one pixel": Animal(sizes=((1, 1),)),
    "one row": Animal(sizes=((1, 70), (1, 35))),
    "odd factors": Animal(sizes=((70, 50), (23, 22), (23, 7))),
}
"""Images that are to be read, by what is odd about them."""


def store_of(animal: Animal, path: Path) -> list[NDArray[Any]]:
    """Write an image to a folder; return its levels."""
    levels = animal.levels()
    group = zarr.open_group(path, mode="w", zarr_format=animal.zarr_format)
    options = {"chunks": (*(1,) * (len(animal.axes) - 2), 32, 32), **animal.array}
    write_image(group, levels, animal.axes, omero=animal.omero, **options)
    return levels


def pack(store: Path, path: Path, *, compression: int = zipfile.ZIP_STORED, top: str = "") -> None:
    """Write the files of a store into a zip, below the folder `top`."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(store.rglob("*")):
            if file.is_file():
                archive.write(file, f"{top}{file.relative_to(store).as_posix()}")


def _edited(name: str, **values: Any) -> Callable[[Path], None]:
    def edit(store: Path) -> None:
        metadata = json.loads((store / name).read_text())
        (store / name).write_text(json.dumps(metadata | values))

    return edit


def _written(name: str, content: bytes) -> Callable[[Path], None]:
    def write(store: Path) -> None:
        (store / name).write_bytes(content)

    return write


def _multiscale(**values: Any) -> Callable[[Path], None]:
    def edit(store: Path) -> None:
        metadata = json.loads((store / "zarr.json").read_text())
        metadata["attributes"]["ome"]["multiscales"][0] |= values
        (store / "zarr.json").write_text(json.dumps(metadata))

    return edit


def _chunks(*shape: int) -> dict[str, Any]:
    return {"name": "regular", "configuration": {"chunk_shape": shape}}


_DEEP = b"[" * 100_000
_ARRAY = "0/zarr.json"
_LOST = {"path": "gone", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}

DAMAGES: dict[str, Callable[[Path], None]] = {
    "metadata too deep": _written("zarr.json", _DEEP),
    "metadata of an array too deep": _written(_ARRAY, _DEEP),
    "metadata cut off": _written("zarr.json", b'{"zarr_format": 3, "no'),
    "metadata are a number": _written(_ARRAY, b"3"),
    "no multiscales": _edited("zarr.json", attributes={"ome": {"multiscales": 5}}),
    "axes are numbers": _multiscale(axes=[1, 2, 3]),
    "color last": _multiscale(axes=[{"name": name} for name in "yxc"]),
    "level 0 is lost": _multiscale(datasets=[_LOST]),
    "path out of the store": _multiscale(datasets=[{**_LOST, "path": "../0"}]),
    "no pixels": _edited(_ARRAY, shape=[3, 0, 50]),
    "chunks of nothing": _edited(_ARRAY, chunk_grid=_chunks(1, 0, 32)),
    "chunks without end": _edited(_ARRAY, shape=[3, 10**9, 10**9]),
    "codecs are a number": _edited(_ARRAY, codecs=5),
    "fill value too large": _edited(_ARRAY, fill_value=300),
    "complex numbers": _edited(_ARRAY, data_type="complex64", fill_value=[0.0, 0.0]),
    "shape of other axes": _edited(_ARRAY, shape=[70, 50], chunk_grid=_chunks(32, 32)),
}
"""What makes an image one that cannot be opened, by what is wrong then."""


def damaged(damage: str, path: Path) -> None:
    """Write an image that is damaged to a folder."""
    shutil.rmtree(path, ignore_errors=True)
    store_of(ANIMALS["not compressed"], path)
    DAMAGES[damage](path)
