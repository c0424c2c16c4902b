"""Kernels work wherever they are installed, whether or not they can be kept on disk."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba", reason="without numba nothing is compiled")

from numba import types
from numba.core import caching

from numcodecs_neural.compilation import compiled


def no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where neither the package's folder nor the user's can be written to."""
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def save(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", save)


@pytest.mark.parametrize("prepare", [no_place, full_disk])
def test_a_kernel_that_cannot_be_kept_still_runs(
    prepare: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch)

    @compiled(types.int64, types.int64)
    def double(x: int) -> int:
        return 2 * x

    kernel: Any = double
    assert kernel(21) == 42
    assert len(kernel.signatures) == 1


def test_only_one_module_speaks_to_numba(root: Path) -> None:
    users = {
        path.relative_to(root).as_posix()
        for path in (root / "numcodecs_neural").rglob("*.py")
        if "numba.njit" in path.read_text() or "import njit" in path.read_text()
    }

    assert users == {"numcodecs_neural/compilation.py"}
