"""Export: a store to OME-Zarr with codecs of others, or to a pyramidal OME-TIFF."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.sources import SlideSource, open_source
from numcodecs_neural.omezarr.chunk_heads import heads_of
from numcodecs_neural.omezarr.opened import open_omezarr
from numcodecs_neural.omezarr.stored_arrays import stored_levels

from .kinds import TiffCodec, codec_for, is_tiff
from .progress import Progress

__all__ = ["ExportOptions", "export", "keeps_jpeg"]

_MULTIPLE_PX, _TILE_PX, _MOST_TILE_PX = 16, 512, 1024
_LOOKED_AT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """How a store is exported.

    Parameters
    ----------
    codec : str, optional
        Of OME-Zarr ``zstd``, ``none``, ``jpegxl``, ``jpeg2k`` or ``jpeg``; of OME-TIFF ``deflate``,
        ``zstd``, ``jpeg`` or ``jpegxl``. By default the first, which loses nothing.
    quality : int
        0 to 100, of codecs that lose something.
    ome_zarr_version : {"0.5", "0.4"}, optional
        By default that of the store.
    series : int
        Which image.
    label, macro : bool
        Keep the pictures of the label and of the whole glass in OME-Zarr, if the store has them.
    workers : int, optional
        Threads; by default one a core.
    overwrite : bool
        Replace what is there.
    shows_progress : bool
        Say on stderr how far it is.
    """

    codec: str | None = None
    quality: int = 90
    ome_zarr_version: Any = None
    series: int = 0
    label: bool = False
    macro: bool = False
    workers: int | None = None
    overwrite: bool = False
    shows_progress: bool = False


def export(store: Path, output: str, options: ExportOptions) -> None:
    """Write a store in another way; it appears when it is complete, and not before.

    All levels are those of the store, and its pixels where the codec loses nothing. What the store
    does not hold is written as the fill value that readers see.

    Parameters
    ----------
    store : Path
        OME-Zarr of any version and codec: a folder or a zip.
    output : str
        ``.ome.tif`` for a TIFF; else a folder or a zip for OME-Zarr.
    options : ExportOptions

    Raises
    ------
    ConfigError
        If the output or the codec is none of these, or the codec does not code such samples.
    SourceError
        If the store does not decode, or a part of it is lost.
    OSError
        If the output exists, or cannot be written.
    """
    codec = codec_for(output, options.codec)
    with closing(open_source(store, series=options.series)) as source:
        if is_tiff(output):
            _to_tiff(store, source, Path(output), cast(TiffCodec, codec), options)
        else:
            _to_zarr(store, source, output, codec, options)


def keeps_jpeg(store: Path, series: int = 0) -> bool:
    """Return whether level 0 of a store keeps the JPEG data of its slide in its first chunks."""
    with closing(open_omezarr(store, series=series)) as image:
        first = stored_levels(image)[0]
        if not first.is_ours:
            return False
        heads = heads_of(first, first.indexes())
        return any(
            head.coder is not None for head, _ in zip(heads, range(_LOOKED_AT), strict=False)
        )


def _to_zarr(
    store: Path, source: SlideSource, output: str, codec: str, options: ExportOptions
) -> None:
    """Convert with options that keep levels, chunks and pixels."""
    chunk_px, shard_px, version = _layout(store, options)
    with _told(options) as progress:
        convert(
            source,
            output,
            ConvertOptions(
                codec=cast(Any, codec),
                quality=options.quality,
                use_existing_levels=True,
                # Even white chunks, so that every pixel of the store is in what is written.
                glass="keep",
                chunk_px=chunk_px,
                shard_px=shard_px if version == "0.5" else None,
                ome_zarr_version=version,
                label=options.label,
                macro=options.macro,
                workers=options.workers or os.cpu_count() or 1,
                overwrite=options.overwrite,
            ),
            progress=progress,
        )


def _to_tiff(
    store: Path, source: SlideSource, output: Path, codec: TiffCodec, options: ExportOptions
) -> None:
    from .ome_tiff import write_ome_tiff

    if output.exists() and not (options.overwrite and output.is_file()):
        raise FileExistsError(f"{output} exists: choose another output, or pass --overwrite")
    chunk_px = _layout(store, options)[0]
    is_tile = chunk_px is not None and chunk_px <= _MOST_TILE_PX
    with _told(options) as progress, _whole(output) as partial:
        write_ome_tiff(
            source,
            partial,
            codec=codec,
            quality=options.quality,
            tile_px=chunk_px if chunk_px is not None and is_tile else _TILE_PX,
            workers=options.workers or os.cpu_count() or 1,
            progress=progress,
        )


def _layout(store: Path, options: ExportOptions) -> tuple[int | None, int | None, Any]:
    """Return the sides of chunks and shards of a store, where they can be kept, and its version."""
    with closing(open_omezarr(store, series=options.series)) as image:
        array = image.levels[0]
        version = options.ome_zarr_version or ("0.4" if array.metadata.zarr_format == 2 else "0.5")
        chunk, shard = array.chunks[-2:], array.shards
    if chunk[0] != chunk[1] or chunk[0] % _MULTIPLE_PX:
        return None, None, version
    is_square = shard is not None and shard[-2] == shard[-1]
    return int(chunk[0]), int(shard[-1]) if is_square else None, version


@contextmanager
def _told(options: ExportOptions) -> Iterator[Callable[[int, int], None]]:
    """Yield what is to be called with the pixels that are done, and all there are."""
    shown: list[Progress] = []

    def tell(done: int, total: int) -> None:
        if options.shows_progress:
            if not shown:
                shown.append(Progress(total / 1e6, unit="Mpx"))
            shown[0].tell(done / 1e6)

    try:
        yield tell
    finally:
        for progress in shown:
            progress.close()


@contextmanager
def _whole(output: Path) -> Iterator[Path]:
    """Yield a place to write to; the file appears at `output` when all went well."""
    partial = output.with_name(f"{output.name}.partial")
    try:
        yield partial
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
