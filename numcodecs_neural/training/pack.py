"""A folder of images as one small file: lossless tiles, evenly of all sources.

A pack is an uncompressed ZIP file with members ``train/SOURCE/TURN_FILE_PLANE_Y_X.webp`` (8-bit RGB
as lossless WebP) or ``.jxl`` (grey as lossless JPEG XL); what is held back is below ``held-back/``.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from numcodecs_neural.errors import SourceError
from numcodecs_neural.training.images import Image, Images, image_paths, planes_of
from numcodecs_neural.training.split import ONE_IN_COLOUR, ONE_IN_GREY, held_back_of

TILE_PX = 512
SMALLEST_PX = 128
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # of every member: the same images give the same bytes
TRAIN, HELD_BACK = "train", "held-back"


class _Place(NamedTuple):
    path: Path
    plane: int
    y: int
    x: int


def write_pack(folder: Path, pack: Path, megabytes: float, *, channels: int, seed: int) -> int:
    """Write tiles of the images below `folder` to `pack`, until it would exceed `megabytes`.

    The source that has fewest bytes so far is next; within a source, every file gives a tile before
    one gives two. The same arguments give the same file.

    Returns
    -------
    int
        Number of tiles.

    Raises
    ------
    SourceError
        If there are no images of that many channels, or not one fits.
    """
    sources = _queues(folder, channels, seed)
    limit = int(megabytes * 1e6)
    spent = dict.fromkeys(sources, 0)
    partial = pack.with_suffix(".partial")
    count = total = 0
    with zipfile.ZipFile(partial, "w") as archive:
        while sources:
            source = min(sources, key=lambda name: (spent[name], name))
            member = next(sources[source], None)
            if member is None:
                del sources[source]
                continue
            name, content = member
            total += len(content) + 2 * len(name) + 98  # with the two headers of a member
            if total > limit:
                break
            spent[source] += len(content)
            count += 1
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), content)
    if not count:
        partial.unlink()
        raise SourceError(f"no image below {folder} fits into a pack of {megabytes:g} MB")
    partial.replace(pack)
    return count


def read_pack(pack: Path) -> Images:
    """Read all tiles of a pack.

    Raises
    ------
    SourceError
        If the file is damaged or is no pack.
    """
    sets: dict[str, list[Image]] = {}
    held_back: list[Image] = []
    try:
        with zipfile.ZipFile(pack) as archive:
            for name in archive.namelist():
                kind, source, _ = PurePosixPath(name).parts
                tiles = sets.setdefault(source, []) if kind == TRAIN else held_back
                tiles.append(_decode(archive.read(name)))
    except (zipfile.BadZipFile, ValueError, RuntimeError) as exc:
        raise SourceError(f"{pack} is no pack of images, or damaged: write it again") from exc
    return Images(sets, held_back)


def _queues(folder: Path, channels: int, seed: int) -> dict[str, Iterator[tuple[str, bytes]]]:
    """By source: names and contents of its tiles, in the order in which they are to be taken."""
    places: dict[str, list[_Place]] = {}
    paths: list[Path] = []
    for path in image_paths(folder):
        try:
            planes = planes_of(path, channels)
        except SourceError:
            continue
        mine = [_Place(path, n, y, x) for n, im in enumerate(planes) for y, x in _corners(im)]
        if mine:
            paths.append(path)
            places.setdefault(path.parent.name, []).extend(mine)
    if not places:
        kind = "8-bit RGB" if channels == 3 else "grey"
        raise SourceError(
            f"there are no {kind} images of {SMALLEST_PX} pixels or more below {folder}"
        )
    aside = held_back_of(paths, ONE_IN_GREY if channels == 1 else ONE_IN_COLOUR)
    rng = np.random.default_rng(seed)
    return {name: _tiles(_in_turns(mine, rng), channels, aside) for name, mine in places.items()}


def _in_turns(places: list[_Place], rng: np.random.Generator) -> list[_Place]:
    """First a random tile of every file, then a second one of those that have two, and so on."""
    places = [places[k] for k in rng.permutation(len(places))]
    seen: dict[Path, int] = {}
    turns = []
    for place in places:
        turns.append(seen.get(place.path, 0))
        seen[place.path] = turns[-1] + 1
    return [places[k] for k in np.argsort(turns, kind="stable")]


def _tiles(
    places: list[_Place], channels: int, aside: frozenset[Path]
) -> Iterator[tuple[str, bytes]]:
    for turn, (path, number, y, x) in enumerate(places):
        tile = planes_of(path, channels)[number][y : y + TILE_PX, x : x + TILE_PX]
        kind = HELD_BACK if path in aside else TRAIN
        name = f"{kind}/{path.parent.name}/{turn:05}_{path.stem}_{number}_{y}_{x}"
        yield _encode(np.ascontiguousarray(tile), name)


def _corners(image: Image) -> list[tuple[int, int]]:
    """Where tiles begin; a last one that would be narrow is left out."""
    ys, xs = (range(0, n - SMALLEST_PX + 1, TILE_PX) for n in image.shape[:2])
    return [(y, x) for y in ys for x in xs]


def _encode(tile: Image, name: str) -> tuple[str, bytes]:
    import imagecodecs

    if tile.shape[2] == 3:
        return f"{name}.webp", bytes(imagecodecs.webp_encode(tile, level=4, lossless=True))
    return f"{name}.jxl", bytes(imagecodecs.jpegxl_encode(tile[..., 0], lossless=True, effort=5))


def _decode(content: bytes) -> Image:
    import imagecodecs

    if imagecodecs.webp_check(content):
        image: Image = imagecodecs.webp_decode(content)
        return image
    image = imagecodecs.jpegxl_decode(content)
    return image[..., None]
