"""Weights of the context model are proven before they are used; its tables are what they say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.limits import FEATURE_LIMIT
from numcodecs_neural.coefficients.network.order import NEAR, ORDER
from numcodecs_neural.coefficients.network.parameters import read_components
from numcodecs_neural.coefficients.network.tables import BASIS, HALVING
from numcodecs_neural.coefficients.network.twins import twin_of
from numcodecs_neural.errors import WeightsError
from numcodecs_neural.weights.catalogue import coefficient_weights
from numcodecs_neural.weights.files import WeightsFile, read_weights

Arrays = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def shipped() -> WeightsFile:
    weights = coefficient_weights()
    return read_weights(weights.path, sha256=weights.sha256)


def test_the_shipped_weights_are_proven(shipped: WeightsFile) -> None:
    assert set(read_components(shipped)) == {"Y", "Cb", "Cr", "R", "B"}


@pytest.mark.parametrize(
    "changes",
    [{"kind": "decoder"}, {"version": 2}, {"tables": "0" * 64}, {"tables": None}],
    ids=["kind", "version", "tables", "no tables"],
)
def test_weights_of_another_kind_or_other_tables_are_refused(
    changes: dict[str, Any], shipped: WeightsFile
) -> None:
    other = replace(shipped, description={**shipped.description, **changes})

    with pytest.raises(WeightsError, match="of kind and version"):
        read_components(other)


def changed(shipped: WeightsFile, name: str, change: Callable[[NDArray[Any]], Any]) -> WeightsFile:
    """Return weights with one array changed."""
    array = shipped.arrays[name].astype(np.int64)
    return replace(shipped, arrays={**shipped.arrays, name: change(array)})


@pytest.mark.parametrize("array", ["trunk", "own", "signed", "bias", "steps", "layer", "heads"])
def test_weights_whose_sums_could_leave_the_exact_range_are_refused(
    array: str, shipped: WeightsFile
) -> None:
    def enlarge(values: NDArray[Any]) -> NDArray[Any]:
        values.flat[-1] = -(2**24)
        return values

    with pytest.raises(WeightsError, match="network Cb has a sum of up to"):
        read_components(changed(shipped, f"Cb.{array}", enlarge))


@pytest.mark.parametrize(
    ("array", "value"),
    [
        ("shift1", 24),
        ("shift2", -1),
        ("shift3", 24),
        ("magnitude", -1),
        ("magnitude", 2**15 + 1),
        ("floor", 0),
        ("floor", 2**30 + 1),
        ("exponent", -(2**12) - 1),
        ("base", 2**26 + 1),
        ("slope", -(2**15) - 1),
        ("mean", 2**15 + 1),
        ("mix", -1),
        ("mix", 2**15 + 1),
        ("ratio", 40),
    ],
)
def test_numbers_outside_of_their_ranges_are_refused(
    array: str, value: int, shipped: WeightsFile
) -> None:
    def put(values: NDArray[Any]) -> NDArray[Any]:
        values.flat[0] = value
        return values

    with pytest.raises(WeightsError, match=f"network B has .*{array}"):
        read_components(changed(shipped, f"B.{array}", put))


@pytest.mark.parametrize("array", ["trunk", "heads", "ratio"])
def test_arrays_of_another_shape_are_refused(array: str, shipped: WeightsFile) -> None:
    with pytest.raises(WeightsError, match=f"other arrays than it needs: .*{array}"):
        read_components(changed(shipped, f"R.{array}", lambda values: values[:-1]))


def test_a_network_without_a_trunk_is_refused(shipped: WeightsFile) -> None:
    arrays = {name: array for name, array in shipped.arrays.items() if name != "Y.trunk"}

    with pytest.raises(WeightsError, match="network Y has no trunk"):
        read_components(replace(shipped, arrays=arrays))


def test_layers_that_no_kernel_computes_are_refused(shipped: WeightsFile) -> None:
    with pytest.raises(WeightsError, match="network Y has layers of 47 units"):
        read_components(changed(shipped, "Y.trunk", lambda values: values[:, :-1]))


def test_an_array_too_many_is_refused(shipped: WeightsFile) -> None:
    arrays = {**shipped.arrays, "Y.more": np.zeros(1, np.int8)}

    with pytest.raises(WeightsError, match="than it needs: more"):
        read_components(replace(shipped, arrays=arrays))


def test_the_nearest_coefficients_were_decoded_before() -> None:
    rank = {k: i for i, k in enumerate(ORDER.tolist())}

    assert sorted(rank) == list(range(64))
    for k in range(1, 64):
        near = [j for j in NEAR[k].tolist() if j >= 0]
        assert len(near) == min(6, rank[k])
        assert all(rank[k] - rank[j] > 0 for j in near)


@pytest.mark.parametrize(("down", "across"), [(1, 1), (1, 2), (2, 1), (2, 2), (1, 4), (4, 2)])
def test_a_twin_holds_the_means_of_samples(down: int, across: int) -> None:
    rng = np.random.default_rng(0)
    rows, columns = 2, 3
    blocks = rng.integers(-250, 250, (rows * down, columns * across, 64)).astype(np.int16)

    twin = twin_of(blocks, np.full(64, 2), rows, columns).reshape(rows, columns, 8, 8) / 16

    coefficients = 2 * blocks.reshape(rows * down, columns * across, 8, 8)
    samples = np.einsum("vy,rcvu,ux->rycx", BASIS, coefficients, BASIS)
    means = samples.reshape(rows, 8, down, columns, 8, across).mean((2, 5))
    expected = np.einsum("vy,rycx,ux->rcvu", BASIS, means, BASIS)
    assert np.abs(twin - expected).max() < 1


def test_twins_of_extreme_values_stay_within_what_the_proof_counts_with() -> None:
    gain = max(int(np.abs(matrix).sum(1).max()) for matrix in HALVING.values())
    first = gain * FEATURE_LIMIT + 128

    assert first < 2**31
    assert gain * (first >> 8) + 2048 < 2**31
