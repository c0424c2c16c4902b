"""Command-line arguments that `train` and `pretrain-features` share, checked before any work."""

import re
from argparse import ArgumentTypeError
from collections.abc import Iterable
from pathlib import Path

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.training.images import image_paths
from numcodecs_neural.weights import catalogue

SEEDS = 2**64  # torch takes no more
MOST_AT_ONCE = 1024  # threads or processes: each is one of the system's
MOST_IN_A_BATCH = 65536
SMALLEST_VIEW_PX = 16  # what the last stage of the feature network sees as one pixel
LARGEST_VIEW_PX = 4096

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}-[1-9][0-9]{0,3}")
_DEVICE = re.compile(r"cpu|cuda(:[0-9]{1,2})?")


def weights_name(text: str) -> str:
    """Return the name of weights that are not in the catalogue; files are called by it."""
    if not _NAME.fullmatch(text):
        raise ArgumentTypeError(
            f"{text!r} is no name such as liver-1: take at most 60 letters, digits, - and _, "
            "then a - and a number from 1 to 9999"
        )
    if text in catalogue():
        raise ArgumentTypeError(f"the package has weights called {text!r}: take another number")
    return text


def device_name(text: str) -> str:
    """Return the name of a kind of device that training runs on, be there such a one or not."""
    if not _DEVICE.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is not cpu, cuda or cuda:N")
    return text


def some_path(text: str) -> Path:
    """Return a path; nothing would be this folder."""
    if not text:
        raise ArgumentTypeError("'' is no path")
    return Path(text)


def features_path(text: str) -> Path:
    """Return the path of a network for the perceptual loss."""
    path = some_path(text)
    if path.suffix != ".safetensors":
        raise ArgumentTypeError(f"{text!r} does not end in .safetensors")
    return path


def check_images(paths: Iterable[Path]) -> None:
    """Raise ConfigError unless each of `paths` is a file, or a folder with images."""
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path} does not exist: give folders of images, or packs")
        if path.is_dir() and not image_paths(path):
            raise ConfigError(f"there are no images below {path}")


def check_file(path: Path | None, option: str) -> None:
    """Raise ConfigError if `path` is given, and is no file."""
    if path is not None and not path.is_file():
        raise ConfigError(f"{option} {path} is not a file")


def check_work(work: Path) -> None:
    """Raise ConfigError if `work` is no folder, and cannot be made one."""
    path = work.absolute()
    there = next(p for p in (path, *path.parents) if p.exists())
    if not there.is_dir():
        raise ConfigError(f"--work {work} cannot be made: {there} is not a folder")
