"""Base class and error of slides: OpenSlide's where openslide-python is installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from numcodecs_neural.errors import SourceError

if TYPE_CHECKING:
    from openslide import AbstractSlide, OpenSlideError
else:
    try:
        from openslide import AbstractSlide, OpenSlideError
    except (ImportError, OSError):  # OSError: without the C library that it binds.

        class AbstractSlide:
            """Stands for OpenSlide's class of this name."""

        class OpenSlideError(Exception):
            """Stands for OpenSlide's class of this name."""


__all__ = ["AbstractSlide", "SlideError", "slide_errors"]


class SlideError(SourceError, OpenSlideError):
    """A slide cannot be read; where openslide-python is installed, an OpenSlideError as well."""


@contextmanager
def slide_errors() -> Iterator[None]:
    """Let programs that were written for OpenSlide catch what goes wrong."""
    try:
        yield
    except SlideError:
        raise
    except SourceError as exc:
        raise SlideError(*exc.args) from exc
