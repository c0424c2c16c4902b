"""Restoring: a store to a file of JPEG tiles that have the coefficients of the source."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from numcodecs_neural.errors import ConfigError, SourceError
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.writing import write_abbreviated

from ..sources import Associated, SlideInfo
from .aperio import is_aperio, level_text, picture_text, thumbnail_text
from .cells import Tile, tiles_of
from .level import StoredLevel, Survey
from .one_jpeg import jpeg_file, source_file
from .report import RestoredLevel, RestoreReport
from .stored import StoredImage, open_image_store
from .tiff_file import Description, SlideTiff
from .tiling import NotTilesError, Tiling, one_jpeg_tiling, tiff_tiling

__all__ = ["JPEG_SUFFIXES", "TIFF_SUFFIXES", "check_suffix", "restore"]

TIFF_SUFFIXES = (".tif", ".tiff", ".svs")
JPEG_SUFFIXES = (".jpg", ".jpeg")

# With the NewSubfileType that Aperio gives them.
_PICTURES: tuple[tuple[Associated, int], ...] = (("label", 1), ("macro", 9))
_NO_MARKERS = "the markers of the source's file were not kept: its other bytes are new"
_NOT_ALL = "the bytes are not those of the source's file, since not all of its pixels are kept"
_THUMBNAIL_PX = 768
_CLASSIC_NBYTES = 4_000_000_000
# Chunks in mode jpeg of tissue took 0.5 to 0.75 of their JPEG; a tile of one colour has at least
# six bits a block.
_GROWTH, _BITS_PER_BLOCK = 4, 6


def restore(
    store: Path, output: Path, *, overwrite: bool = False, workers: int | None = None
) -> RestoreReport:
    """Write a slide from a store, with the quantised coefficients that its source had.

    Of a store that keeps them coarser, with those; the report says so.

    Parameters
    ----------
    store : Path
        An OME-Zarr store whose level 0 is in mode ``jpeg``: a folder, or a zip.
    output : Path
        ``.tif``, ``.tiff`` or ``.svs``: a pyramid of JPEG tiles. ``.jpg``: level 0 as one JPEG.
    overwrite : bool
        Replace the file if there is one.
    workers : int, optional
        Threads; by default one a core.

    Returns
    -------
    RestoreReport
        What was written, and what could not be.

    Raises
    ------
    ConfigError
        If the output has another suffix.
    SourceError
        If level 0 is not kept exactly, or does not fit into such a file; says why.
    OSError
        If the output exists, or cannot be written.
    """
    check_suffix(output)
    if output.exists() and not (overwrite and output.is_file()):
        raise FileExistsError(f"{output} exists: choose another output, or pass --overwrite")
    workers = workers or os.cpu_count() or 1
    with open_image_store(store) as image, _whole(output) as partial:
        surveys = [level.survey(workers) for level in image.levels]
        if surveys[0].reason is not None:
            raise SourceError(
                f"{store}: level 0 cannot be restored: {surveys[0].reason}; convert-to-omezarr "
                "--archive keeps those of slides that are JPEG inside"
            )
        try:
            if output.suffix.lower() in JPEG_SUFFIXES:
                return _Jpeg(image, surveys[0], workers).write(partial, output)
            return _Tiff(image, surveys, workers).write(partial, output)
        except NotTilesError as exc:
            raise SourceError(f"{store}: {exc}") from exc


def check_suffix(output: Path) -> None:
    """Raise ConfigError unless files of this name can be written."""
    if output.suffix.lower() not in TIFF_SUFFIXES + JPEG_SUFFIXES:
        raise ConfigError(
            f"{output} ends in {output.suffix or 'no suffix'}: a slide is restored as "
            f"{', '.join(TIFF_SUFFIXES)}, and one JPEG image as {', '.join(JPEG_SUFFIXES)}"
        )


class _Jpeg:
    """Level 0 as one JPEG file."""

    def __init__(self, image: StoredImage, survey: Survey, workers: int) -> None:
        self._image, self._survey, self._workers = image, survey, workers

    def write(self, partial: Path, output: Path) -> RestoreReport:
        """Write the file; `output` is its name for the report."""
        level, survey = self._image.levels[0], self._survey
        tiling = one_jpeg_tiling(level.sides, _first(level, survey))
        markers = self._image.markers()

        def encoded(tile: Tile) -> bytes:
            data = None if markers is None else source_file(markers, tile)
            return data or jpeg_file(tiling, tile, self._image.info.icc_profile)

        (data,) = _tiles(level, tiling, encoded, self._workers)
        partial.write_bytes(data)
        is_same = markers is not None and markers.is_file(data)
        note = _NO_MARKERS if markers is None else _NOT_ALL
        return RestoreReport(
            output=output,
            nbytes=len(data),
            levels=(_restored(level, tiling, survey),),
            is_same_file=is_same,
            notes=() if is_same else (note,),
        )


class _Tiff:
    """All exact levels as a TIFF."""

    def __init__(self, image: StoredImage, surveys: list[Survey], workers: int) -> None:
        self._image, self._surveys, self._workers = image, surveys, workers
        self._exact = [
            (level, survey)
            for level, survey in zip(image.levels, surveys, strict=True)
            if survey.reason is None
        ]
        self._tilings: list[Tiling] = []
        self._left_out = [
            (level.number, survey.reason)
            for level, survey in zip(image.levels, surveys, strict=True)
            if survey.reason is not None
        ]

    def write(self, partial: Path, output: Path) -> RestoreReport:
        """Write the file; `output` is its name for the report."""
        self._plan()
        info = self._image.info
        with SlideTiff(partial, is_big=self._is_big(), profile=info.icc_profile) as tiff:
            self._write_level(tiff, 0)
            if is_aperio(info.description):
                self._write_thumbnail(tiff)
            for place in range(1, len(self._exact)):
                self._write_level(tiff, place)
            self._write_pictures(tiff)
        return RestoreReport(
            output=output,
            nbytes=partial.stat().st_size,
            levels=tuple(
                _restored(level, tiling, survey)
                for (level, survey), tiling in zip(self._exact, self._tilings, strict=True)
            ),
            left_out=tuple(self._left_out),
        )

    def _plan(self) -> None:
        """Find the tiles of each level; a reduced one that no TIFF can hold is left out."""
        exact, self._exact = self._exact, []
        for level, survey in exact:
            try:
                tiling = tiff_tiling(level.sides, _first(level, survey))
            except NotTilesError as exc:
                if level.number == 0:
                    raise
                self._left_out.append((level.number, str(exc)))
                continue
            self._exact.append((level, survey))
            self._tilings.append(tiling)

    def _is_big(self) -> bool:
        """Return whether the file may become larger than a classic TIFF."""
        stored = sum(level.nbytes for level, _ in self._exact)
        blocks = sum(
            tiling.grid[0] * tiling.grid[1] * tiling.tile[0] * tiling.tile[1] * 3 / 64
            for tiling in self._tilings
        )
        return _GROWTH * stored + blocks * _BITS_PER_BLOCK / 8 > _CLASSIC_NBYTES

    def _write_level(self, tiff: SlideTiff, place: int) -> None:
        level, _ = self._exact[place]
        tiling, whole = self._tilings[place], self._exact[0][0].sides.level

        def encoded(tile: Tile) -> bytes:
            return write_abbreviated(
                tiling.frame,
                tiling.colour,
                tile.steps,
                tile.coefficients,
                has_own_steps=tile.steps != tiling.steps,
            )

        info, sides = self._image.info, level.sides.level
        text = info.description
        if text is not None and place > 0:
            text = level_text(text, whole, sides, tiling.tile)
        # Aperio's levels are no reduced images, and readers of others know them by just that.
        is_reduced = place > 0 and not is_aperio(info.description)
        tiff.write_level(
            tiling,
            _tiles(level, tiling, encoded, self._workers),
            Description(text=text, subfile=int(is_reduced)),
            _mpp(info, whole, sides),
        )

    def _write_thumbnail(self, tiff: SlideTiff) -> None:
        """Write the small picture that readers of Aperio's slides expect behind level 0."""
        pixels = self._image.small(_THUMBNAIL_PX)
        if pixels.shape[-1] != 3:
            pixels = pixels.repeat(3, -1)
        text = thumbnail_text(
            self._image.info.description or "", self._exact[0][0].sides.level, pixels.shape[:2]
        )
        tiff.write_picture(pixels, Description(text=text), is_lossy=True)

    def _write_pictures(self, tiff: SlideTiff) -> None:
        description = self._image.info.description
        for name, subfile in _PICTURES:
            pixels = self._image.picture(name)
            if pixels is None:
                continue
            told = Description(text=name)
            if description is not None:
                text = picture_text(description, name, pixels.shape[:2])
                told = Description(text=text, subfile=subfile)
            tiff.write_picture(pixels, told)


def _first(level: StoredLevel, survey: Survey) -> Mosaic:
    assert survey.first is not None  # for mypy: the level has exact chunks
    mosaic = level.read(survey.first)
    assert mosaic is not None  # for mypy: this is one
    return mosaic


def _tiles(
    level: StoredLevel, tiling: Tiling, encode: Callable[[Tile], bytes], workers: int
) -> Iterator[bytes]:
    channels = len(tiling.frame.components)
    return tiles_of(tiling, level.read, encode, fill=(level.fill,) * channels, workers=workers)


def _restored(level: StoredLevel, tiling: Tiling, survey: Survey) -> RestoredLevel:
    rows, columns = tiling.grid
    return RestoredLevel(
        number=level.number,
        shape=tiling.shape.level,
        tiles=rows * columns,
        chunks=survey.count,
        absent=survey.absent,
        coarser=level.coarser,
        jpeg_quality=level.jpeg_quality,
    )


def _mpp(
    info: SlideInfo, whole: tuple[int, int], level: tuple[int, int]
) -> tuple[float, float] | None:
    """Return microns per pixel of a level."""
    if info.mpp is None:
        return None
    return info.mpp[0] * whole[0] / level[0], info.mpp[1] * whole[1] / level[1]


@contextmanager
def _whole(output: Path) -> Iterator[Path]:
    """Yield a place to write to; the file appears at `output` when all went well."""
    partial = output.with_name(f"{output.name}.partial")
    try:
        yield partial
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
