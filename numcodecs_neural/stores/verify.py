"""Verifying: every chunk of a store is there, undamaged, and decodes; and is like its source."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from numcodecs_neural.errors import SourceError
from numcodecs_neural.omezarr.coverage import COVERAGE_GROUP
from numcodecs_neural.omezarr.opened import OpenedImage, open_omezarr
from numcodecs_neural.omezarr.stored_arrays import (
    ChunkIndex,
    StoredArray,
    stored_labels,
    stored_levels,
    stored_others,
)

from .checking import Problem, check_chunk
from .comparing import Comparison, opened_comparison
from .progress import Progress
from .resuming import StateFile, identity_of
from .tally import Outcome, Tally
from .threads import in_order

__all__ = ["VerifyReport", "verify"]

# One is in work on a thread, and is done or not done for a run that goes on.
_BATCH_CHUNKS = 32
_NAMES = ("zarr.json", ".zarray")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was found.

    Parameters
    ----------
    location : str
        Of the store.
    against : str, optional
        What it was compared with.
    not_compared : list of int
        Levels that this does not have.
    tally : Tally
        What was found of the chunks.
    psnr_db, ssim : dict
        Of compared levels, by their names; None for a PSNR where nothing differs, and for an SSIM
        where no chunk is as large as its window.
    """

    location: str
    against: str | None
    not_compared: list[int]
    tally: Tally
    psnr_db: dict[str, float | None] = field(default_factory=dict)
    ssim: dict[str, float | None] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return self.tally.is_good

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-safe values."""
        values = asdict(self)
        tally = values.pop("tally")
        for compared in tally["compared"].values():
            del compared["quality"]
        return {"is_good": self.is_good, **values, **tally}


def verify(
    location: str | Path,
    *,
    against: Path | None = None,
    series: int = 0,
    resume: Path | None = None,
    workers: int | None = None,
    shows_progress: bool = False,
) -> VerifyReport:
    """Check every chunk of the images and of the tissue labels of a store.

    Parameters
    ----------
    location : str or Path
        OME-Zarr of any version and codec: a folder, a zip or a URL.
    against : Path, optional
        The slide that the first image of the store was made of, or another store of it.
    series : int
        Which image of `against`.
    resume : Path, optional
        A small file that keeps how far the check came: a run that was killed goes on from there.
        Deleted when the check is finished.
    workers : int, optional
        Threads; by default one a core.
    shows_progress : bool
        Say on stderr how far it is.

    Raises
    ------
    SourceError
        If the store or the source cannot be opened, or the source does not decode.
    ConfigError
        If the source is of another size, or `resume` of another check.
    """
    with ExitStack() as stack:
        image = stack.enter_context(closing(open_omezarr(location)))
        comparison = None
        if against is not None:
            comparison = stack.enter_context(opened_comparison(image, against, series))
        check = _Check(image, comparison, *_other_images(stack, image))
        described = [
            image.files.read(f"{one.path}/{name}") for one in check.arrays for name in _NAMES
        ]
        identity = identity_of(str(location), image.attributes, described, against, series)
        state = StateFile(resume, identity)
        tally = check.run(state, workers or os.cpu_count() or 1, shows_progress=shows_progress)
    return _report(str(location), against, comparison, tally)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some chunks of one array."""

    array: int
    indexes: list[ChunkIndex]


class _Check:
    """All chunks of a store, batch by batch in an order that is always the same.

    Parameters
    ----------
    image : OpenedImage
        The first of the store.
    comparison : Comparison, optional
        Of its levels.
    others : list of (str, OpenedImage)
        The others, and what their arrays are called by.
    problems : list of Problem
        Of those that cannot be opened.
    """

    def __init__(
        self,
        image: OpenedImage,
        comparison: Comparison | None,
        others: list[tuple[str, OpenedImage]],
        problems: list[Problem],
    ) -> None:
        self._comparison, self._levels = comparison, len(image.levels)
        self.arrays, self._lost_parts = list(_arrays(image)), [*_lost_parts(image), *problems]
        for name, other in others:
            self.arrays += [replace(one, name=f"{name} {one.name}") for one in _arrays(other)]
            self._lost_parts += [
                replace(one, array=f"{name} {one.array}") for one in _lost_parts(other)
            ]

    def run(self, state: StateFile, workers: int, *, shows_progress: bool) -> Tally:
        """Check what is not done yet; return what was found of all."""
        done, tally = state.read()
        if not done:
            tally = Tally()
            for problem in self._lost_parts:
                tally.complain(problem)
        decoded = sum(its.decoded for its in tally.arrays.values())
        progress = Progress(sum(one.expected for one in self.arrays), decoded)
        todo = islice(self._batches(), done, None)
        try:
            for batch, found in in_order(self._checked, todo, workers=workers):
                for outcome in found:
                    tally.add(self.arrays[batch.array].name, outcome)
                    decoded += outcome.is_decoded
                done += 1
                state.note(done, tally)
                if shows_progress:
                    progress.tell(decoded, f"{tally.count} problems")
        except BaseException:
            state.write(done, tally)
            raise
        finally:
            progress.close()
        state.remove()
        return tally

    def _batches(self) -> Iterator[_Batch]:
        for number, stored in enumerate(self.arrays):
            left = stored.indexes()
            while indexes := list(islice(left, _BATCH_CHUNKS)):
                yield _Batch(number, indexes)

    def _checked(self, batch: _Batch) -> list[Outcome]:
        return [self._outcome(batch.array, index) for index in batch.indexes]

    def _outcome(self, number: int, index: ChunkIndex) -> Outcome:
        """Return what was found of a chunk, without its pixels: they wait for those before."""
        stored, compared = self.arrays[number], None
        checked = check_chunk(stored, index)
        if self._comparison is not None and number < self._levels:
            compared = self._comparison.compare(stored, number, checked)
        return Outcome(
            problem=checked.problem, is_decoded=checked.pixels is not None, compared=compared
        )


def _other_images(
    stack: ExitStack, first: OpenedImage
) -> tuple[list[tuple[str, OpenedImage]], list[Problem]]:
    """Return the images of a store but the first, by their names, and what hinders others."""
    found, problems = [], []
    for series in range(1, first.series_count):
        name = f"image {series}"
        try:
            image = open_omezarr(first.files.location, series=series)
        except SourceError as exc:
            problems.append(_problem("damaged", name, str(exc)))
            continue
        found.append((name, stack.enter_context(closing(image))))
    return found, problems


def _arrays(image: OpenedImage) -> Iterator[StoredArray]:
    yield from stored_levels(image)
    yield from stored_labels(image)
    yield from stored_others(image)


def _lost_parts(image: OpenedImage) -> Iterator[Problem]:
    """Yield what a store had beside the chunks of its image, and does not have any more."""
    for name, path in image.extras.items():
        is_file = bool(Path(path).suffix) and image.files.folder.size(path) > 0
        if not is_file and not image.files.has_chunks(path):
            yield _problem("lost", name, "the store says that it keeps it, and it is not there")
    paths = image.metadata.paths if image.block.get("levels") else ()
    for path in paths:
        if image.group.get(f"{COVERAGE_GROUP}/{path}") is None:
            text = "it is not there, and tells what was lost from what was never stored"
            yield _problem("lost", f"coverage {path}", text)


def _problem(kind: str, name: str, text: str) -> Problem:
    return Problem(kind=kind, array=name, row=0, column=0, chunk=(), text=text)


def _report(
    location: str, against: Path | None, comparison: Comparison | None, tally: Tally
) -> VerifyReport:
    if comparison is None:
        return VerifyReport(location=location, against=None, not_compared=[], tally=tally)
    qualities = {name: its.quality for name, its in tally.compared.items()}
    return VerifyReport(
        location=location,
        against=str(against),
        not_compared=comparison.not_compared,
        tally=tally,
        psnr_db={name: comparison.psnr_db(quality) for name, quality in qualities.items()},
        ssim={
            name: None if quality.ssim is None else round(quality.ssim, 6)
            for name, quality in qualities.items()
        },
    )
