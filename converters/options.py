"""ConvertOptions: what a conversion can be told, checked before any work starts."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from numcodecs_neural.errors import ConfigError

__all__ = ["ConvertOptions", "GlassTreatment", "OmeZarrVersion", "store_paths"]

GlassTreatment = Literal["elide", "flatten", "keep"]
OmeZarrVersion = Literal["0.4", "0.5"]

# Every power-of-two reduction must map whole chunks on whole chunks, and the networks work on
# 16 x 16 pixels.
CHUNK_MULTIPLE_PX = 16
MAX_CHUNK_PX = 8192
# Large enough for few files, small enough that a worker holds about 100 MB.
REGION_PX = 2048
MAX_LEVELS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertOptions:
    """How slides become OME-Zarr; only values that were checked.

    Parameters
    ----------
    model : str
        Name of the weights, as `numcodecs_neural.NeuralImage` takes it.
    quality : int
        0 (smallest) to 100 (best).
    chunk_px : int
        Side of a chunk; a multiple of 16.
    shard_px : int, optional
        Side of a shard, a multiple of `chunk_px`; OME-Zarr 0.5 only. By default the largest
        multiple up to 2048.
    levels : int, optional
        Levels of the pyramid; by default, until one chunk holds the whole slide.
    ome_zarr_version : {"0.5", "0.4"}
        Version of OME-Zarr: 0.5 is Zarr v3 with shards, 0.4 is Zarr v2.
    glass : {"elide", "flatten", "keep"}
        What to do with glass: not to store its chunks, to paint it one colour, or nothing.
    workers : int
        Regions in work at a time; no value changes what is stored.
    overwrite : bool
        Replace a store that exists.

    Raises
    ------
    ConfigError
        If a value is not allowed; the text names it and what is.

    Examples
    --------
    >>> ConvertOptions(quality=40).region_px
    2048
    >>> ConvertOptions(chunk_px=100)
    Traceback (most recent call last):
    numcodecs_neural.errors.ConfigError: chunk is 100; it must be a multiple of 16 up to 8192
    """

    model: str = "he-fast"
    quality: int = 60
    chunk_px: int = 512
    shard_px: int | None = None
    levels: int | None = None
    ome_zarr_version: OmeZarrVersion = "0.5"
    glass: GlassTreatment = "elide"
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    overwrite: bool = False

    def __post_init__(self) -> None:
        _check_choice("ome-zarr-version", self.ome_zarr_version, get_args(OmeZarrVersion))
        _check_choice("glass", self.glass, get_args(GlassTreatment))
        _check_range("quality", self.quality, 0, 100)
        _check_range("workers", self.workers, 1, 1024)
        if self.levels is not None:
            _check_range("levels", self.levels, 1, MAX_LEVELS)
        _check_side("chunk", self.chunk_px, CHUNK_MULTIPLE_PX, MAX_CHUNK_PX)
        if self.shard_px is not None:
            self._check_shard(self.shard_px)

    def _check_shard(self, shard_px: int) -> None:
        if self.ome_zarr_version == "0.4":
            raise ConfigError(
                f"shard is {shard_px}, and OME-Zarr 0.4 has no shards: leave it out, "
                "or write version 0.5"
            )
        _check_side("shard", shard_px, self.chunk_px, 32 * MAX_CHUNK_PX)

    @property
    def region_px(self) -> int:
        """Side of the square that one task writes: a shard, or as many chunks where none exist."""
        return self.shard_px or max(REGION_PX // self.chunk_px, 1) * self.chunk_px


def store_paths(inputs: list[Path], output: Path) -> list[Path]:
    """Return where each input's store goes: `output` for one, ``output/<stem>.ome.zarr`` for more.

    Raises
    ------
    ConfigError
        If there are no inputs, or if two of them would be written to one store.

    Examples
    --------
    >>> from pathlib import PurePosixPath as Path
    >>> [str(p) for p in store_paths([Path("a.svs"), Path("b.ome.tif")], Path("out"))]
    ['out/a.ome.zarr', 'out/b.ome.zarr']
    """
    if not inputs:
        raise ConfigError("no input: name at least one slide")
    if len(inputs) == 1:
        return [output]
    stores = [output / f"{slide_stem(path)}.ome.zarr" for path in inputs]
    for i, store in enumerate(stores):
        if store in stores[:i]:
            first = inputs[stores.index(store)]
            raise ConfigError(
                f"{first} and {inputs[i]} would both be written to {store}: convert them apart"
            )
    return stores


def slide_stem(path: Path) -> str:
    """Return a slide's name without its suffix, which may be double as in ``.ome.tif``."""
    return path.stem.removesuffix(".ome")


def _check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name} is {value!r}; it must be one of {', '.join(allowed)}")


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}; it must be a whole number from {low} to {high}")


def _check_side(name: str, value: int, multiple: int, high: int) -> None:
    if value < multiple or value % multiple or value > high:
        raise ConfigError(f"{name} is {value}; it must be a multiple of {multiple} up to {high}")
