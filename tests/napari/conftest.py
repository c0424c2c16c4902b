"""Slides in memory, as the converter's tests have them."""

from tests.converters.conftest import slide, source_of

__all__ = ["slide", "source_of"]
