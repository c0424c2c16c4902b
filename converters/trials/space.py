"""Space on disks that a conversion needs: for its store, and for reduced pixels that wait."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from numcodecs_neural.files.folder import Folder

from ..geometry.downsample import reduced_dtype
from ..geometry.levels import ceil_div
from ..pipeline.plan import ConversionPlan
from ..store.ozx import is_archive
from ..store.transaction import WorkFolder, output_folder
from .dry_run import estimate

__all__ = ["check_space", "check_space_for", "scratch_nbytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """Bytes that a conversion will write to one folder, or has written there already."""

    what: str
    folder: Folder
    nbytes: int
    written: int


def scratch_nbytes(plan: ConversionPlan) -> int:
    """Return the most bytes of reduced pixels that wait for the next level at a time.

    Regions are taken in such an order that few wait: for each level as many as one region of the
    next is reduced from, and as many for each worker. A cluster may take them in any order, and all
    may wait.
    """
    options, grids = plan.options, plan.grids
    reduced = [grid for grid in grids if grid.is_reduced]
    if not reduced:
        return 0
    nbytes = plan.info.samples * reduced_dtype(plan.info.dtype).itemsize
    every = nbytes * plan.axes.count * sum(grid.pixels for grid in reduced)
    if options.scheduler is not None:
        return every
    base = grids[reduced[0].level - 1]
    step, side = reduced[0].step, base.region_px
    piece = nbytes * ceil_div(min(side, base.height), step)
    piece *= ceil_div(min(side, base.width), step)
    return min(every, piece * step**2 * (len(reduced) + options.workers))


def check_space(plan: ConversionPlan, output: str) -> None:
    """Refuse a conversion for which there is too little free space on this machine's disks.

    The store is estimated from coded samples only where its raw pixels would not fit.

    Raises
    ------
    OSError
        If there is too little; says how much is needed, and what to do.
    SourceError
        If the slide does not decode.
    """
    if output_folder(output).path and output_folder(output).exists() and not plan.options.overwrite:
        return  # The conversion itself refuses it.
    if _lack(_needs(plan, output, _raw_nbytes(plan))) is not None:
        check_space_for(plan, output, estimate(plan).nbytes)


def check_space_for(plan: ConversionPlan, output: str, store_nbytes: int) -> None:
    """Refuse a conversion whose store is known to need so many bytes, as `check_space` does."""
    lack = _lack(_needs(plan, output, store_nbytes))
    if lack is not None:
        raise OSError(lack)


def _needs(plan: ConversionPlan, output: str, store_nbytes: int) -> list[_Need]:
    work = WorkFolder(output_folder(output), plan.options.scratch)
    is_packed = work.output.path is not None and is_archive(work.output.path)
    # A single file is packed from the finished store, which is still there then.
    store_nbytes *= 2 if is_packed else 1
    goes_on = plan.options.resume
    places = [
        ("the store", work.folder, work.folder / "store", store_nbytes),
        ("reduced pixels", work.reduced_pixels, work.reduced_pixels, scratch_nbytes(plan)),
    ]
    return [
        _Need(
            what=what,
            folder=folder,
            nbytes=nbytes,
            written=sum(size for _, size in begun.files("")) if goes_on else 0,
        )
        for what, folder, begun, nbytes in places
        if nbytes and folder.path
    ]


def _lack(needs: list[_Need]) -> str | None:
    """Return what is lacking on a disk, in a sentence; None if all fits."""
    by_disk: dict[int, list[_Need]] = {}
    for need in needs:
        by_disk.setdefault(_there(need.folder).stat().st_dev, []).append(need)
    for on_disk in by_disk.values():
        path = _there(on_disk[0].folder)
        nbytes = sum(max(need.nbytes - need.written, 0) for need in on_disk)
        free = shutil.disk_usage(path).free
        if nbytes > free:
            return _sentence(on_disk, path, nbytes, free)
    return None


def _sentence(on_disk: list[_Need], path: Path, nbytes: int, free: int) -> str:
    parts = [f"{_size(need.nbytes)} for {need.what}" for need in on_disk]
    has_scratch = any(need.what == "reduced pixels" for need in on_disk)
    return (
        f"the disk of {path} has {_size(free)} free, and about {_size(nbytes)} more are needed "
        f"({', '.join(parts)}): free some space, or choose another output"
        f"{', or another folder for reduced pixels with --scratch' if has_scratch else ''}"
    )


def _there(folder: Folder) -> Path:
    """Return a local folder, or of those around it the first that exists."""
    path = Path(os.path.abspath(folder.location))  # noqa: PTH100 (without "..")
    return next(place for place in (path, *path.parents) if place.exists())


def _raw_nbytes(plan: ConversionPlan) -> int:
    """Return the bytes of all chunks that would be stored, uncompressed."""
    pixels = plan.axes.count * sum(
        int((~elided).sum()) * grid.chunk_px**2
        for elided, grid in zip(plan.glass.elided, plan.grids, strict=True)
    )
    return pixels * plan.info.samples * plan.info.dtype.itemsize


def _size(nbytes: int) -> str:
    return f"{nbytes / 1e9:.1f} GB" if nbytes >= 1e9 else f"{nbytes / 1e6:.1f} MB"
