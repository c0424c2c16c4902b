"""What benchmarks share: whether they measure."""

import pytest


@pytest.fixture
def is_measured(request: pytest.FixtureRequest) -> bool:
    """Whether figures are taken, by ``--benchmark-enable``; else what needs none is checked."""
    return bool(request.config.getoption("benchmark_enable"))
