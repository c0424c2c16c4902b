"""Mends a finished store: finds the regions whose files are lost, and makes them again.

Only the store's files are listed for it. Each is compared with the size that was recorded when the
store was finished, so a file that was cut off is found as well as one that is not there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural.files.folder import Folder
from numcodecs_neural.omezarr.coverage import COVERAGE_GROUP, FILE_SIZES_GROUP, file_sizes, has_file

from ..geometry.levels import LevelGrid
from ..store.arrays import LABEL_GROUP
from ..store.region_files import region_of_file
from ..store.transaction import output_folder, reserved_work, store_folder
from .checkpoint import Checkpoint
from .convert import Progress, explained, pyramid_arrays, reduced_pixels, run_writer
from .plan import ConversionPlan
from .region_writer import Place, PyramidWriter

__all__ = ["LostRegions", "find_lost", "mend"]

# What zarr raises at metadata that are absent or damaged, and at arrays that do not decode.
_READ_ERRORS = (KeyError, TypeError, ValueError, RuntimeError, NotImplementedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRegions:
    """What a finished store has lost.

    Parameters
    ----------
    places : set
        Its regions, by level, frame and cell.
    files : list of str
        The files of these regions that are not there, or cut off.
    """

    places: set[Place] = field(default_factory=set)
    files: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.files)


def find_lost(plan: ConversionPlan, output: str) -> LostRegions:
    """Return what is lost of a finished store of a plan; no pixels are read for it.

    Raises
    ------
    OSError
        If the store cannot be listed, or has lost what no region can tell: its metadata, or the
        record of its files.
    """
    lost = LostRegions()
    with _opened(output) as (folder, group):
        for grid in plan.grids:
            image = _array(group, str(grid.level))
            recorded = _recorded(group, image)
            _check_record(group, image, recorded)
            _compare(plan, folder, grid, image, recorded, lost)
            if f"{FILE_SIZES_GROUP}/{LABEL_GROUP}/{grid.level}" in group:
                label = _array(group, f"{LABEL_GROUP}/{grid.level}")
                _compare(plan, folder, grid, label, _recorded(group, label), lost)
    return lost


def mend(plan: ConversionPlan, output: str, lost: LostRegions, progress: Progress) -> None:
    """Make the regions again that a finished store has lost, and nothing else.

    Parameters
    ----------
    plan : ConversionPlan
        The one that the store was made by.
    lost : LostRegions
        What `find_lost` returned.

    Raises
    ------
    SourceError
        If the slide does not decode.
    OSError
        If the store cannot be written to, or the files do not become what they were.
    """
    store = output_folder(output)
    with explained(output), reserved_work(output, plan.options.scratch) as work:
        # What is left of a shard that was cut off, zarr would read.
        for file in lost.files:
            store.delete(file)
        writer = PyramidWriter(
            plan=plan,
            arrays=pyramid_arrays(plan, store),
            checkpoint=Checkpoint(work.checkpoint),
            reduced=reduced_pixels(plan, work.reduced_pixels),
            only=frozenset(lost.places),
        )
        run_writer(writer, progress)
        still = find_lost(plan, output).files
    if still:
        raise OSError(
            f"{output}: {still[0]} was made again and is smaller than it was: another release of a "
            "library coded it; convert the slide anew, with --overwrite"
        )


def _compare(
    plan: ConversionPlan,
    folder: Folder,
    grid: LevelGrid,
    array: zarr.Array[Any],
    recorded: NDArray[np.int64],
    lost: LostRegions,
) -> None:
    """Add to `lost` what an array has lost; files that became larger were changed, and are kept."""
    found = file_sizes(array, dict(folder.files(array.path)))
    for place in np.argwhere(found < recorded.reshape(found.shape)):
        at = tuple(map(int, place))
        is_label = array.path.startswith(LABEL_GROUP)
        frame, cell = ((), at) if is_label else region_of_file(array, grid, at, plan.axes)
        lost.places.add((grid.level, frame, (cell[0], cell[1])))
        lost.files.append(f"{array.path}/{array.metadata.encode_chunk_key(at)}")


def _check_record(group: zarr.Group, image: zarr.Array[Any], recorded: NDArray[np.int64]) -> None:
    """Refuse to compare with a record that is itself lost."""
    coverage = np.asarray(_array(group, f"{COVERAGE_GROUP}/{image.path}")[...])
    expected = has_file(image, coverage)
    if (
        expected is None
        or (coverage == 0).any()
        or (expected != (recorded.reshape(expected.shape) > 0)).any()
    ):
        raise ValueError(f"the coverage of level {image.path} is damaged")


def _recorded(group: zarr.Group, array: zarr.Array[Any]) -> NDArray[np.int64]:
    recorded = np.asarray(_array(group, f"{FILE_SIZES_GROUP}/{array.path}")[...])
    if (recorded < 0).any():
        raise ValueError(f"the record of the files of {array.path} is lost")
    return recorded


def _array(group: zarr.Group, path: str) -> zarr.Array[Any]:
    array = group.get(path)
    if not isinstance(array, zarr.Array):
        raise KeyError(f"there is no array {path}")
    return array


@contextmanager
def _opened(output: str) -> Iterator[tuple[Folder, zarr.Group]]:
    """Open a finished store; what is wrong with it says that it must be made anew."""
    folder = store_folder(output)
    store = folder.zarr_store()
    try:
        yield folder, zarr.open_group(store, mode="r")
    except _READ_ERRORS as exc:
        what = " ".join(map(str, exc.args))
        raise OSError(
            f"{output} was complete and has lost more than pixels: {what}. That cannot be made "
            "again by itself: convert the slide anew, with --overwrite"
        ) from exc
    finally:
        store.close()
        folder.close()
