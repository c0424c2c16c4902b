"""Dask graph of a pyramid, one task a region, run on threads or on a cluster.

Threads, because coding holds no lock of Python's: two processes were measured to take as long as
two threads at best (README), and each would load the weights and the slide's index for itself.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import zarr
from dask.base import compute
from dask.callbacks import Callback
from dask.delayed import delayed
from dask.threaded import get as get_threaded

from ..geometry.axes import Frame
from ..geometry.levels import Cell
from .checkpoint import RegionResult
from .region_writer import Place, PyramidWriter

__all__ = ["region_tasks", "run_on_cluster", "run_on_threads"]

Advance = Callable[[int], None]
# How often a cluster tries a region whose worker died, or could not read or write.
RETRIES = 3


def run_on_threads(writer: PyramidWriter, *, workers: int, advance: Advance) -> list[RegionResult]:
    """Write all regions of all levels, `workers` at a time.

    Parameters
    ----------
    advance : callable
        Called with the number of pixels whenever a region is done.
    """
    tasks = region_tasks(writer)
    # Its own pool, so that no task still writes when an error leaves this function.
    with ThreadPoolExecutor(workers) as pool, _Advance(advance), _zarr_threads(workers):
        # Not by name: dask would import its distributed scheduler to see whether that is meant.
        return list(compute(*tasks, scheduler=get_threaded, pool=pool))


def run_on_cluster(writer: PyramidWriter, *, address: str, advance: Advance) -> list[RegionResult]:
    """Write all regions of all levels on a dask.distributed cluster.

    Its workers must have this package, and see the slide and the output at the same paths.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``"tcp://host:8786"``.

    Raises
    ------
    OSError
        If there is no scheduler at `address`, or its workers kept dying.
    """
    from distributed import Client, as_completed
    from distributed.scheduler import KilledWorker

    with _connected(Client, address) as client:
        futures = client.compute(region_tasks(writer), retries=RETRIES)
        try:
            for future in as_completed(futures, loop=client.loop):
                advance(future.result().pixels)
            return [future.result() for future in futures]
        except KilledWorker as exc:
            raise OSError(f"workers of the cluster at {address} died: {exc}") from exc
        finally:
            client.cancel(futures)


def region_tasks(writer: PyramidWriter) -> list[Any]:
    """Return one dask task a region, each depending on the finer regions under it."""
    tasks: dict[Place, Any] = {}
    shared = delayed(writer, pure=False, traverse=False)
    for level, frame, cell in writer.places():
        finer = [(level - 1, frame, under) for under in _finer(writer, level, cell)]
        tasks[level, frame, cell] = delayed(_write_region, pure=False)(
            shared,
            level,
            frame,
            cell,
            [tasks[place] for place in finer if place in tasks],
            dask_key_name=_key(level, frame, cell),
        )
    return list(tasks.values())


def _write_region(
    writer: PyramidWriter, level: int, frame: Frame, cell: Cell, after: list[bool]
) -> RegionResult:
    return writer.write_region(level, tuple(frame), cell)


def _finer(writer: PyramidWriter, level: int, cell: Cell) -> list[Cell]:
    grids = writer.plan.grids
    return grids[level].finer_regions(cell, grids[level - 1]) if grids[level].is_reduced else []


def _key(level: int, frame: Frame, cell: Cell) -> str:
    return f"level-{level}-frame-{'-'.join(map(str, frame))}-region-{cell[0]}-{cell[1]}"


@contextmanager
def _connected(client: Callable[..., Any], address: str) -> Iterator[Any]:
    try:
        connected = client(address, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as exc:
        raise OSError(f"there is no dask scheduler at {address}: {exc}") from exc
    with connected:
        yield connected


def _zarr_threads(workers: int) -> Any:
    """Let zarr code as many chunks of a region at a time as there are workers."""
    return zarr.config.set({"async.concurrency": workers, "threading.max_workers": workers})


class _Advance(Callback):
    """Calls `advance` with the pixels of each finished task."""

    def __init__(self, advance: Advance) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tell = advance

    def _posttask(self, key: Any, result: Any, dsk: Any, state: Any, worker_id: Any) -> None:
        if isinstance(result, RegionResult):
            self._tell(result.pixels)
