"""Weights that travel with stores: embedded in them, and installed from them."""

import hashlib
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Literal

from numcodecs_neural.errors import SourceError, WeightsError
from numcodecs_neural.files.folder import is_url
from numcodecs_neural.omezarr.embedded import (
    EmbeddedWeights,
    embedded_weights,
    needed_weights,
    write_weights,
)
from numcodecs_neural.omezarr.opened import open_omezarr
from numcodecs_neural.omezarr.store import ZarrFiles
from numcodecs_neural.omezarr.stored_arrays import stored_levels
from numcodecs_neural.weights.files import parse_weights
from numcodecs_neural.weights.installed import installed_path, write_installed

__all__ = ["embed", "install"]

_SUFFIX = ".safetensors"
# Of the files of the package: encoders decode nothing.
_KINDS = ("context", "decoder", "exact", "jpeg")


def embed(location: str) -> list[EmbeddedWeights]:
    """Write the weights that a store's chunks name into the store; return them.

    Parameters
    ----------
    location : str
        A folder or a URL.

    Raises
    ------
    SourceError
        If it is no image of OME-Zarr, or a zip.
    WeightsError
        If this release does not have them.
    """
    with ExitStack() as stack:
        first = stack.enter_context(closing(open_omezarr(location)))
        others = [
            stack.enter_context(closing(open_omezarr(location, series=series)))
            for series in range(1, first.series_count)
        ]
        levels = [level for image in (first, *others) for level in stored_levels(image)]
        found = needed_weights(levels)
        zarr_format: Literal[2, 3] = 2 if first.group.metadata.zarr_format == 2 else 3
        write_weights(first.files.folder, found, zarr_format=zarr_format)
    return found


def install(location: str) -> list[tuple[EmbeddedWeights, Path]]:
    """Put weights where the package finds them; return them, and where they are.

    Parameters
    ----------
    location : str
        A store that brings them along, or a file of the decoder of weights.

    Raises
    ------
    SourceError
        If it is neither, or the store brings none along.
    WeightsError
        If they are no weights that decode, or damaged.
    """
    found = _of_file(Path(location)) if _is_file(location) else _of_store(location)
    for one in found:
        _check_kind(one, location)
    return [(one, _written(one)) for one in found]


def _is_file(location: str) -> bool:
    return not is_url(location) and Path(location).suffix == _SUFFIX


def _of_file(path: Path) -> list[EmbeddedWeights]:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    name = path.name.removesuffix(_SUFFIX).removesuffix(".decoder")
    return [EmbeddedWeights(name=name, sha256=digest, content=content)]


def _of_store(location: str) -> list[EmbeddedWeights]:
    with closing(ZarrFiles(location)) as files:
        found = embedded_weights(files)
    if not found:
        raise SourceError(
            f"{location} brings no weights along: whoever can read it embeds them with "
            "`numcodecs-neural models embed STORE`"
        )
    return found


def _check_kind(one: EmbeddedWeights, location: str) -> None:
    kind = parse_weights(one.content, f"{location}: {one.name}").description.get("kind")
    if kind not in _KINDS:
        raise WeightsError(
            f"{location}: {one.name} are weights of the kind {kind!r}, and those that decode are "
            f"of the kinds {', '.join(_KINDS)}: name the decoder's file, or install a later release"
        )


def _written(one: EmbeddedWeights) -> Path:
    path = installed_path(one.sha256)
    is_there = path.is_file() and path.read_bytes() == one.content
    return path if is_there else write_installed(one.content)
