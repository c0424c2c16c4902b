"""Coefficients coded by a context model come back, from compiled kernels and from plain Python."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from numcodecs_neural import compilation, config
from numcodecs_neural.compilation import uncompiled
from numcodecs_neural.dct.context import dec_context, enc_context
from numcodecs_neural.dct.memory import Memory
from numcodecs_neural.errors import BitstreamError, TruncatedChunkError
from tests.dct.context.random_model import (
    random_model,
    random_steps,
    random_targets,
    some_matrices,
)

pytest.importorskip("numba", reason="kernels are compared with themselves uncompiled")

MODELS = pytest.mark.parametrize(
    ("axes", "width", "second"),
    [(3, 32, 32), (3, 16, 32), (1, 32, 16), (1, 16, 16), (1, 48, 32)],
)
PRICES = pytest.mark.parametrize("price", [0, 26])
ROWS, COLUMNS = 2, 3


class Checked(np.ndarray[Any, Any]):
    """A flat array whose indexes must lie within it: compiled kernels do not look."""

    def _check(self, key: Any) -> None:
        is_slice = isinstance(key, slice)
        first = (key.start or 0) if is_slice else key
        end = (len(self) if key.stop is None else key.stop) if is_slice else key + 1
        assert 0 <= first < end <= len(self)

    def __getitem__(self, key: Any) -> Any:
        self._check(key)
        return np.asarray(self)[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._check(key)
        np.asarray(self)[key] = value


def checked(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return a kernel as Python runs it, with checked indexes."""
    plain = uncompiled(kernel)

    def run(*given: Any) -> Any:
        return plain(*(g.view(Checked) if np.ndim(g) == 1 else g for g in given))

    return run


def encoded(axes: int, width: int, second: int, price: int = 26) -> tuple[bytes, NDArray[np.int16]]:
    targets, steps = random_targets(ROWS, COLUMNS, axes), random_steps(axes)
    model = random_model(axes, width, second)
    prices = np.full((ROWS, COLUMNS), price, np.int32)
    return enc_context.encode(targets, steps, some_matrices(axes), model, prices)


def decoded(stream: bytes, axes: int, width: int, second: int) -> NDArray[np.int16]:
    return dec_context.decode(
        stream,
        (ROWS, COLUMNS),
        random_steps(axes),
        some_matrices(axes),
        random_model(axes, width, second),
        Memory(),
    )


@MODELS
@PRICES
def test_coefficients_come_back(axes: int, width: int, second: int, price: int) -> None:
    stream, coefficients = encoded(axes, width, second, price)

    assert np.array_equal(decoded(stream, axes, width, second), coefficients)


@MODELS
def test_coefficients_are_the_nearest_when_bits_are_free(
    axes: int, width: int, second: int
) -> None:
    targets = random_targets(ROWS, COLUMNS, axes)

    _, coefficients = encoded(axes, width, second, price=0)

    missed = np.abs(targets - 16 * coefficients.astype(np.int64))
    assert coefficients.any()
    assert missed.max() <= 8


@MODELS
def test_python_codes_as_compiled_kernels_do(axes: int, width: int, second: int) -> None:
    stream, coefficients = encoded(axes, width, second)

    with config.set(backend="numpy"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(compilation, "uncompiled", checked)
        again, chosen = encoded(axes, width, second)
        back = decoded(stream, axes, width, second)

    assert again == stream
    assert np.array_equal(chosen, coefficients)
    assert np.array_equal(back, coefficients)


def decoded_or_refused(stream: bytes) -> None:
    """Decode a damaged stream; only an error that names it may come."""
    with contextlib.suppress(BitstreamError):
        assert decoded(stream, *SMALL).shape == (ROWS, COLUMNS, 1, 256)


SMALL = (1, 16, 16)
STREAM = encoded(*SMALL)[0]


@given(st.integers(0, len(STREAM) - 1))
def test_a_stream_cut_short_is_refused(length: int) -> None:
    with pytest.raises(BitstreamError):
        decoded(STREAM[:length], *SMALL)


def test_a_stream_without_its_states_is_truncated() -> None:
    with pytest.raises(TruncatedChunkError, match="expected 36 or more"):
        decoded(STREAM[:35], *SMALL)


def test_a_stream_with_more_behind_it_is_refused() -> None:
    with pytest.raises(BitstreamError, match="do not end"):
        decoded(STREAM + b"\0", *SMALL)


@given(st.lists(st.integers(0, 8 * len(STREAM) - 1), min_size=1, max_size=9))
def test_flipped_bits_do_no_harm(places: list[int]) -> None:
    damaged = bytearray(STREAM)
    for place in places:
        damaged[place // 8] ^= 1 << place % 8

    decoded_or_refused(bytes(damaged))


@pytest.mark.parametrize("seed", range(4))
def test_damage_reaches_no_number_outside_the_arrays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    damaged = bytearray(STREAM)
    damaged[4:] = rng.bytes(len(STREAM) - 4)

    with config.set(backend="numpy"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(compilation, "uncompiled", checked)

        decoded_or_refused(bytes(damaged))
