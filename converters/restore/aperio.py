"""The descriptions that Aperio writes into the pages of a slide: they tell readers its parts."""

import re

from .tiling import Sides

__all__ = ["is_aperio", "level_text", "picture_text", "thumbnail_text"]

# The first line: who wrote it. The second begins with the size.
_HEAD = re.compile(r"Aperio[^\r\n|]*")


def is_aperio(description: str | None) -> bool:
    """Return whether readers take a page with this description for Aperio's."""
    return bool(description) and _HEAD.match(description or "") is not None


def level_text(description: str, whole: Sides, level: Sides, tile: Sides) -> str:
    r"""Return the description of a reduced level.

    Examples
    --------
    >>> level_text("Aperio Image Library v12|AppMag = 20", (900, 800), (450, 400), (240, 240))
    'Aperio Image Library v12\r\n800x900 (240x240) -> 400x450 JPEG/RGB'
    """
    sizes = f"{_size(whole)} ({_size(tile)}) -> {_size(level)}"
    return f"{_head(description)}\r\n{sizes} JPEG/RGB"


def thumbnail_text(description: str, whole: Sides, thumbnail: Sides) -> str:
    """Return the description of the small picture that follows level 0."""
    return f"{_head(description)}\r\n{_size(whole)} -> {_size(thumbnail)} - "


def picture_text(description: str, name: str, sides: Sides) -> str:
    """Return the description of the label or the macro."""
    return f"{_head(description)}\r\n{name} {_size(sides)}"


def _head(description: str) -> str:
    found = _HEAD.match(description)
    return found[0].rstrip() if found else "Aperio"


def _size(sides: Sides) -> str:
    height, width = sides
    return f"{width}x{height}"
