"""Files beside the opened one that a slide of OpenSlide's consists of."""

from collections.abc import Iterator
from pathlib import Path

from numcodecs_neural.errors import SourceError

__all__ = ["check_files", "files_nbytes"]

# A small file, and its pixels in a folder of the same name.
_WITH_FOLDER = (".mrxs",)
# A text file that names the files of pixels beside it, one a line: ImageFile=slide_map2.jpg.
_WITH_LIST = (".vms", ".vmu")


def check_files(path: Path) -> None:
    """Refuse a slide whose pixels are not beside it.

    Raises
    ------
    SourceError
        If the folder that belongs to the file is missing; names it.
    """
    folder = path.with_suffix("")
    if path.suffix.lower() in _WITH_FOLDER and not folder.is_dir():
        raise SourceError(
            f"{path} is only a part of its slide: the pixels are in a folder {folder.name} that "
            f"belongs beside it, and {folder.parent} has none; copy both"
        )


def files_nbytes(path: Path) -> int:
    """Return the size of all files of the slide."""
    return sum(file.stat().st_size for file in {path, *_companions(path)})


def _companions(path: Path) -> Iterator[Path]:
    if path.suffix.lower() in _WITH_FOLDER:
        yield from (file for file in path.with_suffix("").rglob("*") if file.is_file())
    if path.suffix.lower() in _WITH_LIST:
        for line in path.read_text("latin-1").splitlines():
            name = line.partition("=")[2].strip()
            if name and (path.parent / name).is_file():
                yield path.parent / name
