"""Jinja environment of the report: its templates, escaping, and filters."""

import base64
from functools import cache

import jinja2

from .pictures import Picture, as_jpeg, as_png

__all__ = ["template"]


def template(name: str) -> jinja2.Template:
    """Return a template, in which all text is escaped and an unknown name is an error."""
    return _environment().get_template(name)


def number(value: float | None, digits: int = 2, missing: str = "-") -> str:
    """Return a number as text.

    Examples
    --------
    >>> number(1234.5678), number(None)
    ('1234.57', '-')
    """
    return missing if value is None else f"{value:.{digits}f}"


def megabytes(nbytes: int) -> str:
    """Return a size in MB, as the program's own tables show it.

    Examples
    --------
    >>> megabytes(1_234_567)
    '1.23'
    """
    return number(nbytes / 1e6)


def compared(nbytes: int, other: int) -> str:
    """Return how much smaller a size is than another.

    Examples
    --------
    >>> compared(25, 100), compared(110, 100), compared(5, 500)
    ('75 % smaller', '10 % larger', '100 times smaller')
    """
    if not nbytes or not other:
        return "-"
    if other >= 10 * nbytes:
        return f"{other / nbytes:.0f} times smaller"
    change = 100 * (nbytes / other - 1)
    return f"{abs(change):.0f} % {'smaller' if change <= 0 else 'larger'}"


def jpeg(picture: Picture) -> str:
    """Return a picture as the data URI of a JPEG file."""
    return f"data:image/jpeg;base64,{base64.b64encode(as_jpeg(picture)).decode()}"


def png(picture: Picture) -> str:
    """Return a picture as the data URI of a PNG file, which keeps every pixel."""
    return f"data:image/png;base64,{base64.b64encode(as_png(picture)).decode()}"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for function in (number, megabytes, compared, jpeg, png):
        environment.filters[function.__name__] = function
    return environment
