"""From one slide to one OME-Zarr store: the whole pipeline, step by step."""

import contextlib
import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .arrays import create_arrays, write_coverage
from .codecs import codec_for
from .coverage import COVERAGE_ATTRIBUTES, coverage_of
from .geometry import LevelGrid, plan_levels
from .glass import GlassPlan, plan_glass
from .ngff import write_groups
from .options import ConvertOptions
from .output import UnfinishedStore
from .provenance import provenance
from .report import SlideReport, report_levels
from .sources import SlideSource
from .tissue import find_tissue, glass_colour, is_bright_field, read_overview
from .write import PyramidWriter, write_pyramid

__all__ = ["convert"]

# What lies this close to tissue is kept with it.
GLASS_MARGIN_UM = 50.0
GLASS_MARGIN_PX = 128.0  # for slides that do not tell the size of a pixel

Progress = Callable[[int, int], None]


def convert(
    source: SlideSource,
    output: Path,
    options: ConvertOptions,
    *,
    progress: Progress = lambda done, total: None,
) -> SlideReport:
    """Write `source` as an OME-Zarr pyramid.

    The store appears at `output` when it is complete, and not before. Its bytes depend on the
    slide's pixels and name, and on the options without `workers`, and on nothing else.

    Parameters
    ----------
    source : SlideSource
        The slide; it stays open.
    output : Path
        Folder of the store.
    options : ConvertOptions
        How.
    progress : callable
        Called with the pixels written so far, and with all there are.

    Returns
    -------
    SlideReport
        What was written.

    Raises
    ------
    SourceError
        If the slide does not decode.
    ConfigError, WeightsError
        If the slide or the codec does not allow the options.
    OSError
        If the output exists, or cannot be written.
    """
    started = time.perf_counter()
    info, version, codec = source.info, options.ome_zarr_version, codec_for(options)
    grids = plan_levels(
        info.shape, levels=options.levels, chunk_px=options.chunk_px, region_px=options.region_px
    )
    with _explained(output), UnfinishedStore(output, overwrite=options.overwrite) as unfinished:
        store = unfinished.store
        glass = _find_glass(source, grids, options)
        arrays = create_arrays(
            store, unfinished.scratch, grids, version=version, codec=codec, glass=glass
        )

        writer = PyramidWriter(source, store, grids=grids, arrays=arrays, glass=glass)
        advance = _counter(sum(grid.pixels for grid in grids), progress)
        results = write_pyramid(writer, workers=options.workers, advance=advance)

        coverage = coverage_of(results, grids, glass)
        levels = report_levels(results, grids, coverage)
        write_coverage(store, coverage, version)
        write_groups(
            store,
            version,
            name=info.name,
            levels=len(grids),
            mpp=info.mpp,
            has_label=glass.tissue is not None,
            coverage=COVERAGE_ATTRIBUTES,
            provenance=provenance(levels, info=info, codec=codec, glass=glass),
        )
        unfinished.finish()
    return SlideReport(
        source=info.name,
        output=str(output),
        levels=levels,
        glass=glass.treatment,
        tissue_area=None if glass.tissue is None else round(float(glass.tissue.mean()), 4),
        raw_nbytes=3 * sum(grid.pixels for grid in grids),
        nbytes=sum(level.nbytes for level in levels),
        source_nbytes=info.size_bytes,
        codec={"method": codec.method, **codec.parameters},
        seconds=round(time.perf_counter() - started, 2),
    )


def _find_glass(
    source: SlideSource, grids: tuple[LevelGrid, ...], options: ConvertOptions
) -> GlassPlan:
    mpp = source.info.mpp
    overview = read_overview(source)
    return plan_glass(
        find_tissue(overview) if is_bright_field(overview) else None,
        grids,
        treatment=options.glass,
        colour=glass_colour(overview),
        margin_px=GLASS_MARGIN_PX if mpp is None else GLASS_MARGIN_UM / min(mpp),
    )


def _counter(total: int, progress: Progress) -> Callable[[int], None]:
    """Return a function that adds up what it is given, and tells `progress`."""
    done = 0

    def advance(pixels: int) -> None:
        nonlocal done
        done += pixels
        progress(done, total)

    return advance


@contextlib.contextmanager
def _explained(output: Path) -> Iterator[None]:
    """Say what to do about a disk that is full, which the system's own words do not."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise OSError(
            exc.errno,
            f"the disk is full: nothing was left at {output}; free some space, or choose an "
            "output on another disk",
        ) from exc
