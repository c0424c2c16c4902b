"""Readers under test, opened and closed again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from numcodecs_neural.converters.sources import SlideSource, open_source


@pytest.fixture
def opened() -> Iterator[Callable[..., SlideSource]]:
    """Return `open_source`; what it opened is closed after the test."""
    with ExitStack() as stack:
        yield lambda path, **options: stack.enter_context(closing(open_source(path, **options)))
