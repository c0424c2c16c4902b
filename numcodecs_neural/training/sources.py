"""Training images from a folder or a pack, and the part that is held back."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from numcodecs_neural.errors import SourceError
from numcodecs_neural.training.images import Image, Images, image_paths, planes_of, reasons
from numcodecs_neural.training.split import ONE_IN_COLOUR, ONE_IN_GREY, held_back_of


def load_images(paths: Path | Sequence[Path], channels: int = 3, smallest_px: int = 16) -> Images:
    """Read folders of images, or files written by `write_pack`.

    Parameters
    ----------
    paths : Path or sequence of Path
    channels : int
        3 for 8-bit RGB; 1 for grey, 8 or 16 bits.
    smallest_px : int
        Planes with a shorter side are passed over.

    Raises
    ------
    SourceError
        If nothing is left to train on, saying what was found.
    FileNotFoundError
        If there is no such file or folder.
    """
    from numcodecs_neural.training.pack import read_pack

    paths = [paths] if isinstance(paths, Path) else list(paths)
    parts = [read_folder(p, channels) if p.is_dir() else read_pack(p) for p in paths]
    where = ", ".join(map(str, paths))
    return _that_fit(_together(parts), where, channels, smallest_px)


def read_folder(folder: Path, channels: int) -> Images:
    """Read every image below `folder`, whatever its size; nothing may be left."""
    skipped: Counter[str] = Counter()
    found: list[tuple[Path, list[Image]]] = []
    for path in image_paths(folder):
        try:
            found.append((path, planes_of(path, channels)))
        except SourceError as exc:
            skipped[str(exc)] += 1
    aside = held_back_of([p for p, _ in found], ONE_IN_GREY if channels == 1 else ONE_IN_COLOUR)
    sets: dict[str, list[Image]] = {}
    held_back: list[Image] = []
    for path, planes in found:
        (held_back if path in aside else sets.setdefault(path.parent.name, [])).extend(planes)
    return Images(sets, held_back, skipped)


def _together(parts: Iterable[Images]) -> Images:
    sets: dict[str, list[Image]] = {}
    held_back: list[Image] = []
    skipped: Counter[str] = Counter()
    for part in parts:
        for name, images in part.sets.items():
            sets.setdefault(name, []).extend(images)
        held_back.extend(part.held_back)
        skipped.update(part.skipped)
    return Images(sets, held_back, skipped)


def _that_fit(images: Images, where: str, channels: int, smallest_px: int) -> Images:
    """Leave out what is too small or has other channels; raise SourceError if nothing is left."""
    skipped = Counter(images.skipped)

    def fits(image: Image) -> bool:
        found = image.shape[2]
        if found != channels:
            skipped[f"{found} channel{'s' * (found > 1)}"] += 1
        elif min(image.shape[:2]) < smallest_px:
            skipped[f"smaller than {smallest_px} x {smallest_px} pixels"] += 1
        else:
            return True
        return False

    sets = {name: [im for im in planes if fits(im)] for name, planes in images.sets.items()}
    sets = {name: planes for name, planes in sets.items() if planes}
    held_back = [im for im in images.held_back if fits(im)]
    if not sets:
        kind = "8-bit RGB" if channels == 3 else "grey"
        found = f"; found: {reasons(skipped)}" if skipped else ""
        raise SourceError(f"there are no {kind} images to train on in {where}{found}")
    return Images(sets, held_back, skipped)
