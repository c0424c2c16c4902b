"""From one slide to one OME-Zarr store: the whole pipeline, step by step."""

import contextlib
import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ..options import ConvertOptions
from ..sources import SlideSource
from ..store.arrays import COVERAGE_GROUP, PyramidArrays, create_arrays, write_plain
from ..store.associated import write_extras
from ..store.display_range import display_windows, sample_limits
from ..store.metadata import Picture, write_coverage_group, write_image_group, write_label_groups
from ..store.transaction import UnfinishedStore, output_folder, settings_of
from ..tissue.glass_plan import GlassPlan
from .checkpoint import Records, RegionResult
from .coverage import COVERAGE_ATTRIBUTES, coverage_of
from .notices import cautions_of
from .plan import ConversionPlan, find_glass, plan_calibrated
from .provenance import provenance
from .reduced_pixels import Scratch
from .region_writer import PyramidWriter
from .scheduler import run_on_cluster, run_on_threads
from .summary import LevelReport, SlideReport, report_levels

__all__ = ["Progress", "convert", "is_converted"]

Progress = Callable[[int, int], None]


def convert(
    source: SlideSource,
    output: str | Path,
    options: ConvertOptions,
    *,
    progress: Progress = lambda done, total: None,
) -> SlideReport:
    """Write `source` as an OME-Zarr pyramid.

    The store appears at `output` when it is complete, and not before; behind a URL, its metadata
    do. Its bytes depend on the slide's pixels and description, and on the options that are not
    about who does the work, and on nothing else.

    Parameters
    ----------
    source : SlideSource
        The slide; it stays open.
    output : str or Path
        Folder of the store, a file ``.ozx`` or ``.zarr.zip``, or a URL.
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
    plan = plan_calibrated(source, options)
    with (
        _explained(str(output)),
        UnfinishedStore(
            str(output),
            settings=plan.settings,
            overwrite=options.overwrite,
            resume=options.resume,
        ) as unfinished,
    ):
        glass = find_glass(source, plan)
        arrays = _arrays(unfinished, plan, glass)
        results = _write_regions(source, plan, glass, arrays, unfinished, progress)
        levels = _describe(source, plan, glass, arrays, results)
        unfinished.finish()
    return _report(plan, glass, levels, output=str(output), started=started)


def is_converted(source: SlideSource, output: str, options: ConvertOptions) -> bool:
    """Return whether a complete store is at `output`, made from this slide with these options."""
    return settings_of(output_folder(output)) == plan_calibrated(source, options).settings


def _arrays(unfinished: UnfinishedStore, plan: ConversionPlan, glass: GlassPlan) -> PyramidArrays:
    arrays = PyramidArrays(
        store=unfinished.store,
        levels=len(plan.grids),
        has_label=glass.tissue is not None,
        # Where nothing is elided on purpose, even white chunks are stored: what is absent is lost.
        write_empty=glass.treatment != "elide",
    )
    if not unfinished.is_resumed:
        create_arrays(
            arrays,
            plan.grids,
            axes=plan.axes,
            dtype=plan.info.dtype,
            version=plan.options.ome_zarr_version,
            codec=plan.codec,
            glass=glass,
        )
        unfinished.note_arrays()
    return arrays


def _write_regions(
    source: SlideSource,
    plan: ConversionPlan,
    glass: GlassPlan,
    arrays: PyramidArrays,
    unfinished: UnfinishedStore,
    progress: Progress,
) -> list[RegionResult]:
    writer = PyramidWriter(
        source=source,
        grids=plan.grids,
        axes=plan.axes,
        arrays=arrays,
        records=Records(unfinished.records),
        glass=glass,
        is_lossless=plan.options.is_lossless,
        scratch=None if plan.options.use_existing_levels else _scratch(unfinished, plan),
    )
    advance = _counter(plan.axes.count * sum(grid.pixels for grid in plan.grids), progress)
    if plan.options.scheduler is not None:
        return run_on_cluster(writer, address=plan.options.scheduler, advance=advance)
    return run_on_threads(writer, workers=plan.options.workers, advance=advance)


def _scratch(unfinished: UnfinishedStore, plan: ConversionPlan) -> Scratch:
    info = plan.info
    return Scratch(
        folder=unfinished.scratch, grids=plan.grids, samples=info.samples, dtype=info.dtype
    )


def _describe(
    source: SlideSource,
    plan: ConversionPlan,
    glass: GlassPlan,
    arrays: PyramidArrays,
    results: list[RegionResult],
) -> tuple[LevelReport, ...]:
    """Write coverage, extras and metadata, the root's last; return what the levels hold."""
    store, version = arrays.store, plan.options.ome_zarr_version
    coverage = coverage_of(results, plan.grids, glass, plan.axes)
    names = (*(name for name, _ in plan.axes.frames), "y", "x")
    for level, values in enumerate(coverage):
        write_plain(store, f"{COVERAGE_GROUP}/{level}", values, version, names)
    write_coverage_group(store, version, COVERAGE_ATTRIBUTES)
    picture = _picture(plan, arrays)
    if arrays.has_label:
        write_label_groups(store, version, picture)
    extras = write_extras(store, source, plan.options)
    levels = report_levels(results, plan.grids, coverage, plan.info)
    block = provenance(
        levels,
        info=plan.info,
        codec=plan.codec,
        glass=glass,
        settings=plan.settings,
        extras=extras,
        is_lossless=plan.options.is_lossless,
    )
    write_image_group(store, "", version, picture, {"numcodecs_neural": block})
    return levels


def _picture(plan: ConversionPlan, arrays: PyramidArrays) -> Picture:
    info = plan.info
    limits = sample_limits(info.dtype, info.significant_bits)
    return Picture(
        name=info.name,
        axes=plan.axes,
        grids=plan.grids,
        mpp=info.mpp,
        spacing=info.spacing,
        channels=info.channels,
        windows=display_windows(arrays.images[-1], plan.axes, limits),
        limits=limits,
        reduction="source" if plan.options.use_existing_levels else "area average",
    )


def _report(
    plan: ConversionPlan,
    glass: GlassPlan,
    levels: tuple[LevelReport, ...],
    *,
    output: str,
    started: float,
) -> SlideReport:
    info = plan.info
    pixel_nbytes = info.samples * info.dtype.itemsize * plan.axes.count
    return SlideReport(
        source=info.name,
        output=output,
        levels=levels,
        glass=glass.treatment,
        tissue_area=None if glass.tissue is None else round(float(glass.tissue.mean()), 4),
        raw_nbytes=pixel_nbytes * sum(grid.pixels for grid in plan.grids),
        nbytes=sum(level.nbytes for level in levels),
        source_nbytes=info.size_bytes,
        cautions=cautions_of(info, levels[0]),
        codec={"method": plan.codec.method, **plan.codec.parameters},
        seconds=round(time.perf_counter() - started, 2),
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
def _explained(output: str) -> Iterator[None]:
    """Say what to do about a disk that is full, which the system's own words do not."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise OSError(
            exc.errno,
            f"the disk is full: free some space and go on with --resume, or choose another output; "
            f"what was begun is in {output}.partial",
        ) from exc
