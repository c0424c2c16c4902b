"""Levels of an OME-Zarr image: those of its arrays that are reductions of the first."""

import contextlib
from itertools import pairwise
from typing import Any

import zarr

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.folder import is_url

from .history import codecs_of
from .store import OPEN_ERRORS, ZarrFiles

__all__ = ["array_codecs", "open_array", "open_levels"]

_BY_IMAGECODECS = "imagecodecs_"


def open_levels(
    root: zarr.Group, files: ZarrFiles, paths: tuple[str, ...], *, axes: str
) -> tuple[Any, ...]:
    """Return the arrays at `paths` that are levels of a pyramid, level 0 first.

    An array belongs to it while it is smaller than the one before in y or x, larger in neither,
    and of the same size in all else.

    Parameters
    ----------
    files : ZarrFiles
        Of the store.
    paths : tuple of str
        From the root.
    axes : str
        Of each array.

    Raises
    ------
    SourceError
        If an array is absent, has another number of axes, samples that are no numbers, or a codec
        that is not installed.
    """
    arrays = tuple(open_array(root, files, one) for one in paths)
    for one, array in zip(paths, arrays, strict=True):
        if array.ndim != len(axes):
            raise SourceError(
                f"{files.location}: the array {one} has {array.ndim} axes, and its metadata name "
                f"{len(axes)}: {', '.join(axes)}"
            )
    if arrays[0].dtype.kind not in "iuf":
        raise SourceError(
            f"{files.location}: the array {paths[0]} has samples of {arrays[0].dtype}; "
            "integers and floats are read: store it as one of these"
        )
    # Behind a URL that is not asked: web servers list no files, and object stores take long to.
    if not is_url(files.location) and not files.has_chunks(paths[0]):
        raise SourceError(
            f"{files.location}: the array {paths[0]} holds no chunk, so all its pixels are lost"
        )
    reduced = [_is_reduction(finer.shape, coarser.shape) for finer, coarser in pairwise(arrays)]
    count = [*reduced, False].index(False) + 1
    return arrays[:count]


def open_array(root: zarr.Group, files: ZarrFiles, name: str) -> Any:
    """Return the array at a path from the root.

    Raises
    ------
    SourceError
        If there is none, or a group, or it has a codec that is not installed.
    """
    codecs = array_codecs(files, name)
    _make_known(list(codecs))
    try:
        array = root[name]
    except OPEN_ERRORS as exc:
        if not codecs:
            raise SourceError(f"{files.location}: the array {name} is not there: {exc}") from exc
        raise SourceError(
            f"{files.location}: the array {name} cannot be opened: {exc}; its codecs are "
            f"{', '.join(codecs)}: install the packages that bring them"
        ) from exc
    if not isinstance(array, zarr.Array):
        raise SourceError(f"{files.location}: {name} is to be an array of pixels, and is a group")
    return array


def array_codecs(files: ZarrFiles, path: str) -> dict[str, dict[str, Any]]:
    """Return the codecs of an array with their settings, whether they are installed or not."""
    metadata = files.json(f"{path}/zarr.json") or files.json(f"{path}/.zarray") or {}
    return codecs_of(metadata)


def _make_known(names: list[str]) -> None:
    """Tell numcodecs and zarr of imagecodecs' codecs; they are not found by themselves."""
    if not any(name.startswith(_BY_IMAGECODECS) for name in names):
        return
    from imagecodecs import numcodecs as image_codecs

    image_codecs.register_codecs(verbose=False)
    for name in names:
        _register_serializer(name)


def _register_serializer(name: str) -> None:
    from zarr.registry import get_codec_class, register_codec

    from numcodecs_neural.peers import imagecodecs_zarr

    with contextlib.suppress(KeyError, ValueError):
        get_codec_class(name)
        return
    known = {
        "jpeg": imagecodecs_zarr.Jpeg,
        "jpeg2k": imagecodecs_zarr.Jpeg2k,
        "jpegxl": imagecodecs_zarr.Jpegxl,
    }
    serializer = known.get(name.removeprefix(_BY_IMAGECODECS))
    if serializer is not None:
        register_codec(name, serializer)


def _is_reduction(finer: tuple[int, ...], coarser: tuple[int, ...]) -> bool:
    is_smaller = coarser[-2:] != finer[-2:] and all(
        0 < small <= large for small, large in zip(coarser[-2:], finer[-2:], strict=True)
    )
    return is_smaller and coarser[:-2] == finer[:-2]
