"""Readers under test, opened and closed again."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from numcodecs_neural.converters.sources import open_source
from tests.annotations import Open


@pytest.fixture
def opened() -> Iterator[Open]:
    """Return `open_source`; what it opened is closed after the test."""
    with ExitStack() as stack:
        yield lambda path, **options: stack.enter_context(closing(open_source(path, **options)))
