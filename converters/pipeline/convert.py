"""One slide to one OME-Zarr store: the whole pipeline, step by step."""

import contextlib
import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.files.folder import Folder
from numcodecs_neural.omezarr.chunk_files import StoredChunks
from numcodecs_neural.omezarr.coverage import COVERAGE_GROUP, FILE_SIZES_GROUP, file_sizes
from numcodecs_neural.omezarr.embedded import needed_weights, write_weights
from numcodecs_neural.omezarr.stored_arrays import StoredArray

from ..options import ConvertOptions
from ..sources import SlideSource
from ..store.arrays import LABEL_GROUP, PyramidArrays, create_arrays, write_plain
from ..store.associated import file_notices, write_extras
from ..store.display_range import display_windows, sample_limits
from ..store.metadata import (
    Picture,
    Reduction,
    write_coverage_groups,
    write_image_group,
    write_label_groups,
)
from ..store.transaction import UnfinishedStore, fingerprint_in, output_folder
from .checkpoint import Checkpoint, RegionResult
from .coverage import (
    COVERAGE_ATTRIBUTES,
    FILE_SIZES_ATTRIBUTES,
    coverage_of,
    file_sizes_of,
)
from .plan import ConversionPlan, plan_conversion
from .provenance import provenance
from .rate_control import quality_that_fits
from .reduced_pixels import ReducedPixels
from .region_writer import PyramidWriter
from .scheduler import run_on_cluster, run_on_threads
from .summary import (
    LevelReport,
    SlideReport,
    archive_notices,
    larger_than_source,
    notices_of,
    report_levels,
)

__all__ = [
    "Progress",
    "convert",
    "convert_planned",
    "explained",
    "is_converted",
    "pyramid_arrays",
    "reduced_pixels",
    "run_writer",
]

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
        The options.
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
    return convert_planned(plan_conversion(source, options), str(output), progress)


def convert_planned(plan: ConversionPlan, output: str, progress: Progress) -> SlideReport:
    """Carry out a plan; parameters, result and errors are those of `convert`."""
    started = time.perf_counter()
    options = plan.options
    # First, before a store is replaced: regions may not be of this slide, and the codec may not
    # reach the PSNR that is asked for.
    plan.exact, plan.codecs  # noqa: B018 (found when first used)
    with (
        explained(output),
        UnfinishedStore(
            output,
            fingerprint=plan.fingerprint,
            overwrite=options.overwrite,
            resume=options.resume,
            scratch=options.scratch,
        ) as unfinished,
    ):
        arrays = _arrays(unfinished, plan)
        results = _write_regions(plan, arrays, unfinished, progress)
        levels = _describe(plan, arrays, results)
        unfinished.finish()
    return _report(plan, levels, output=output, started=started)


def is_converted(plan: ConversionPlan, output: str) -> bool:
    """Return whether a complete store of this plan is at `output`; no pixels are read for it."""
    return fingerprint_in(output_folder(output)) == plan.fingerprint


def pyramid_arrays(plan: ConversionPlan, store: Folder) -> PyramidArrays:
    """Return the arrays of a store of this plan, whether they are there or not."""
    return PyramidArrays(
        store=store,
        levels=len(plan.grids),
        has_label=plan.glass.tissue is not None,
        # Where nothing is elided on purpose, even white chunks are stored: what is absent is lost.
        write_empty=plan.glass.treatment != "elide",
    )


def _arrays(unfinished: UnfinishedStore, plan: ConversionPlan) -> PyramidArrays:
    arrays = pyramid_arrays(plan, unfinished.store)
    if not unfinished.is_resumed:
        create_arrays(
            arrays,
            plan.grids,
            axes=plan.axes,
            dtype=plan.info.dtype,
            version=plan.options.ome_zarr_version,
            codecs=plan.codecs,
            glass=plan.glass,
        )
        unfinished.note_arrays()
    return arrays


def _write_regions(
    plan: ConversionPlan, arrays: PyramidArrays, unfinished: UnfinishedStore, progress: Progress
) -> list[RegionResult]:
    writer = PyramidWriter(
        plan=plan,
        arrays=arrays,
        checkpoint=Checkpoint(unfinished.checkpoint),
        reduced=reduced_pixels(plan, unfinished.reduced_pixels),
    )
    return run_writer(writer, progress)


def run_writer(writer: PyramidWriter, progress: Progress) -> list[RegionResult]:
    """Write the regions of a writer, on the threads or the cluster that its options name."""
    options, grids = writer.plan.options, writer.plan.grids
    pixels = sum(grids[level].region(cell).pixels for level, _, cell in writer.places())
    advance = _counter(pixels, progress)
    if options.scheduler is not None:
        return run_on_cluster(writer, address=options.scheduler, advance=advance)
    return run_on_threads(writer, workers=options.workers, advance=advance)


def reduced_pixels(plan: ConversionPlan, folder: Folder) -> ReducedPixels:
    """Return the reduced pixels of a plan in a folder."""
    return ReducedPixels(
        folder=folder,
        grids=plan.grids,
        samples=plan.info.samples,
        dtype=plan.info.dtype,
    )


def _describe(
    plan: ConversionPlan, arrays: PyramidArrays, results: list[RegionResult]
) -> tuple[LevelReport, ...]:
    """Write coverage, extras and metadata, the root's last; return the report of each level."""
    store, version = arrays.store, plan.options.ome_zarr_version
    coverage = coverage_of(results, plan)
    names = (*(name for name, _ in plan.axes.frames), "y", "x")
    for level, values in enumerate(coverage):
        write_plain(store, f"{COVERAGE_GROUP}/{level}", values, version, names)
    for level, sizes in enumerate(file_sizes_of(results, plan)):
        _write_file_sizes(plan, store, str(level), sizes, names)
    for level, label in enumerate(arrays.labels):
        sizes = file_sizes(label, dict(store.files(label.path)))
        _write_file_sizes(plan, store, f"{LABEL_GROUP}/{level}", sizes, ("y", "x"))
    write_coverage_groups(store, version, COVERAGE_ATTRIBUTES, FILE_SIZES_ATTRIBUTES)
    picture = _picture(plan, arrays)
    if arrays.has_label:
        write_label_groups(store, version, picture)
    extras = write_extras(store, plan.source, plan.options)
    if plan.options.embed_weights:
        zarr_format: Literal[2, 3] = 2 if version == "0.4" else 3
        write_weights(store, needed_weights(_written(plan, arrays)), zarr_format=zarr_format)
    levels = report_levels(results, plan.levels, plan.codecs, coverage, plan.info)
    block = provenance(plan, levels, extras)
    write_image_group(store, "", version, picture, {"numcodecs_neural": block})
    return levels


def _written(plan: ConversionPlan, arrays: PyramidArrays) -> Iterator[StoredArray]:
    """Yield the levels, to look at their chunks."""
    for level, (array, codec) in enumerate(zip(arrays.images, plan.codecs, strict=True)):
        yield StoredArray(
            name=f"level {level}",
            path=array.path,
            array=array,
            codecs={codec.method: codec.parameters},
            coverage=None,
            sizes=None,
            chunks=StoredChunks(arrays.store, array.path, array),
        )


def _write_file_sizes(
    plan: ConversionPlan,
    store: Folder,
    path: str,
    sizes: NDArray[np.int64],
    names: tuple[str, ...],
) -> None:
    """Write the sizes of an array's files; where they are lost themselves, -1 is read."""
    version = plan.options.ome_zarr_version
    write_plain(store, f"{FILE_SIZES_GROUP}/{path}", sizes, version, names, fill_value=-1)


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
        reduction=_reduction(plan),
    )


def _reduction(plan: ConversionPlan) -> Reduction:
    """Return how the levels after the first came about."""
    are_reduced = {grid.is_reduced for grid in plan.grids[1:]}
    if are_reduced == {True, False}:
        return "source, then area average"
    is_source = are_reduced == {False} or plan.options.use_existing_levels
    return "source" if is_source else "area average"


def _report(
    plan: ConversionPlan,
    levels: tuple[LevelReport, ...],
    *,
    output: str,
    started: float,
) -> SlideReport:
    info, glass = plan.info, plan.glass
    nbytes = sum(level.nbytes for level in levels)
    pixel_nbytes = info.samples * info.dtype.itemsize * plan.axes.count
    return SlideReport(
        source=info.name,
        output=output,
        levels=levels,
        glass=glass.treatment,
        tissue_area=None if glass.tissue is None else round(float(glass.tissue.mean()), 4),
        raw_nbytes=pixel_nbytes * sum(grid.pixels for grid in plan.grids),
        nbytes=nbytes,
        source_nbytes=info.size_bytes,
        cautions=(*notices_of(info, levels), *_notices_of_plan(plan, levels, nbytes)),
        codec=plan.codec.told,
        seconds=round(time.perf_counter() - started, 2),
    )


def _notices_of_plan(
    plan: ConversionPlan, levels: tuple[LevelReport, ...], nbytes: int
) -> list[str]:
    """Return notices about a store that is larger than its source, and about an archive."""
    sentences = []
    size = plan.info.size_bytes
    if size and nbytes > size:
        sentences.append(larger_than_source(nbytes / size, _advice(plan, levels, size / nbytes)))
    if plan.options.archive:
        sentences += archive_notices(plan.info, plan.options)
        sentences += file_notices(plan.source, plan.options)
    return sentences


def _advice(plan: ConversionPlan, levels: tuple[LevelReport, ...], part: float) -> str:
    """Return what would make a store `part` as large as it is."""
    stored_at = plan.codec.parameters.get("quality")
    if levels[0].coding == "lossy" and stored_at is not None:
        quality = quality_that_fits(
            plan.source, plan.options, plan.grids[0], plan.glass, quality=stored_at, part=part
        )
        if quality is not None:
            return f"at --quality {quality} it would be about as large"
        return "no --quality makes it as small"
    if levels[0].coding == "lossy" and plan.options.chunk_psnr is not None:
        return "a lower --chunk-psnr makes it smaller"
    if levels[0].coding == "lossy" and plan.options.max_error is not None:
        return "a larger --max-error makes it smaller"
    return _why_exact_is_large(plan, levels) + _advice_without_loss(plan)


def _why_exact_is_large(plan: ConversionPlan, levels: tuple[LevelReport, ...]) -> str:
    """Return why pixels take more than a source that lost some of them before; else nothing."""
    history = plan.info.history
    if levels[0].coding != "lossless" or not history:
        return ""
    return f"the source has lost bits before ({history[-1].method}), and its pixels take more; "


def _advice_without_loss(plan: ConversionPlan) -> str:
    if plan.glass.tissue is not None and plan.glass.treatment == "keep":
        but = ", and no --archive" if plan.options.archive else ""
        return f"it would be smaller without its glass (--glass elide{but})"
    return "lossy codecs make it smaller (--codec neural, --quality)"


def _counter(total: int, progress: Progress) -> Callable[[int], None]:
    """Return a function that adds up pixels and calls `progress` with the sum."""
    done = 0

    def advance(pixels: int) -> None:
        nonlocal done
        done += pixels
        progress(done, total)

    return advance


@contextlib.contextmanager
def explained(output: str) -> Iterator[None]:
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
