"""No sum leaves what float32 holds exactly; files for which that is not so are refused."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.bounds import (
    ACCUMULATOR_LIMIT,
    Interval,
    interval,
    prove,
    worst_sums,
)
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.description import (
    ConvArrays,
    Layer,
    Network,
    Source,
    layers_from_json,
    layers_to_json,
    network_from_arrays,
)
from numcodecs_neural.networks.enc_model import EncoderModel
from tests.models import Small


def conv(weight: Any, bias: Any = 0) -> Network:
    """A network of one 1 x 1 convolution."""
    weight = np.asarray(weight, np.float32)
    outputs = weight.shape[1]
    arrays = ConvArrays(
        weight=weight,
        bias=np.full((1, outputs), bias, np.float32),
        scale=np.ones(outputs, np.float32),
        low=np.full(outputs, -2047, np.float32),
        high=np.full(outputs, 2047, np.float32),
    )
    return Network((Layer(name="a", op="conv", inputs=(Source("x"),)),), {"a": arrays}, {})


def test_a_sum_just_below_the_limit_is_taken() -> None:
    bounds = prove(conv(np.full((8, 1), 1024), bias=2**10 - 1), {"x": interval(-2047, 2047, 8)})

    assert ACCUMULATOR_LIMIT > 8 * 1024 * 2047 + 2**10 - 1
    assert [x.tolist() for x in bounds["a"]] == [[-2047], [2047]]


def test_inputs_that_are_never_negative_leave_room_for_both_signs() -> None:
    weight = np.array([[1024]] * 8 + [[-1024]] * 8)

    prove(conv(weight, bias=2**10 - 1), {"x": interval(0, 2047, 16)})

    with pytest.raises(WeightsError, match="sums may reach"):
        prove(conv(weight), {"x": interval(-1, 2047, 16)})


@given(
    rows=st.integers(1, 6),
    outputs=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_worst_sums_are_the_largest_of_all_partial_sums(rows: int, outputs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.integers(-9, 10, (rows, outputs))
    ends = np.sort(rng.integers(-9, 10, (2, rows)), 0)

    positive, negative = worst_sums(weight, *ends)

    # Any subset of rows, each at either end of its interval or left out.
    choices = itertools.product(*([0, low, high] for low, high in ends.T))
    sums = np.array([np.array(x) @ weight for x in choices])
    np.testing.assert_array_equal(positive, sums.max(0))
    np.testing.assert_array_equal(negative, -sums.min(0))


@pytest.mark.parametrize(
    ("network", "says"),
    [
        pytest.param(conv(np.full((9, 1), 1024)), "channel 0: sums may reach", id="sum"),
        pytest.param(conv([[1]] * 8, bias=2**24), "sums may reach", id="bias"),
        pytest.param(conv([[1]] * 8, bias=-(2**24)), "sums may reach", id="negative bias"),
        pytest.param(conv([[2048]] * 8), "factors beyond", id="weight of 12 bits"),
        pytest.param(conv([[1]] * 9), "has weights for 9 inputs and gets 8", id="wrong inputs"),
    ],
)
def test_what_float32_does_not_hold_is_refused(network: Network, says: str) -> None:
    size = 9 if "sum" in says and len(network.convs["a"].weight) == 9 else 8

    with pytest.raises(WeightsError, match=says):
        prove(network, {"x": interval(-2047, 2047, size)})


def test_a_layer_that_reads_nothing_is_refused() -> None:
    with pytest.raises(WeightsError, match="reads 'x', which does not exist"):
        prove(conv([[1]]), {"y": interval(0, 1, 1)})


def test_limits_that_are_crossed_are_refused() -> None:
    network = conv([[1]])
    network.convs["a"].low[:] = 3000

    with pytest.raises(WeightsError, match="low limit of layer 'a' lies above"):
        prove(network, {"x": interval(0, 1, 1)})


def _check_worst_inputs(network: Network, have: Mapping[str, Interval], least: int = 2**18) -> None:
    """Drive each output channel to both ends of its sums: float32 must agree with int64."""
    for layer in network.layers:
        if layer.op != "conv":
            continue
        arrays = network.convs[layer.name]
        taken = [
            np.concatenate([have[s.name][end][s.start : s.stop] for s in layer.inputs])
            for end in (0, 1)
        ]
        low, high = (np.tile(x, layer.kernel**2) for x in taken)
        rising = arrays.weight.T > 0
        exact = []
        for worst in (np.where(rising, high, low), np.where(rising, low, high)):
            sums = np.einsum("oi,io->o", worst.astype(np.int64), arrays.weight.astype(np.int64))
            found = np.diagonal(worst.astype(np.float32) @ arrays.weight)
            np.testing.assert_array_equal(found, sums, layer.name)
            for bias in (arrays.bias.min(0), arrays.bias.max(0)):
                np.testing.assert_array_equal(found + bias, sums + bias.astype(np.int64))
            exact.append(sums)
        positive, negative = worst_sums(arrays.weight, low, high)
        assert (exact[0] <= positive).all()
        assert (-exact[1] <= negative).all()
        assert np.abs(exact).max() > least, f"{layer.name} was hardly driven"


def test_worst_inputs_of_the_encoder_are_exact(
    encoder: EncoderModel, decoder: DecoderModel
) -> None:
    analysis, hyper = (encoder.networks[n] for n in ("analysis", "hyper_analysis"))
    pixels = {"x": interval(-128, 127, decoder.channels)}
    if encoder.pixel_fraction:
        highest = 2**encoder.pixel_fraction - 1
        pixels["x_fraction"] = interval(0, highest, decoder.channels)
    _check_worst_inputs(analysis, prove(analysis, pixels))
    latents = interval(-(2**15) + 1, 2**15 - 1, encoder.inverse_step.shape[1])
    _check_worst_inputs(hyper, prove(hyper, {"y": latents}))


def test_worst_inputs_with_fractions_of_grey_levels_are_exact() -> None:
    decoder, encoder = Small(pixel_fraction=8).load()
    pixels = {"x": interval(-128, 127, 1), "x_fraction": interval(0, 255, 1)}
    latents = {f"d{i}": interval(-2047, 2047, g) for i, g in enumerate(decoder.groups, 1)}

    for network, bounds in (
        (encoder.networks["analysis"], pixels),
        (decoder.networks["synthesis"], latents),
    ):
        _check_worst_inputs(network, prove(network, bounds), least=2**22)


def test_worst_inputs_of_the_decoder_are_exact(decoder: DecoderModel) -> None:
    have = {"z": interval(-127, 127, decoder.hyper_index.shape[1])}
    for i, g in enumerate(decoder.groups, 1):
        have[f"y{i}"] = interval(-(2**15) + 1, 2**15 - 1, g)
        have[f"d{i}"] = interval(-2047, 2047, g)
    for name in ("features", *(step.network for step in decoder.passes), "synthesis"):
        have |= prove(decoder.networks[name], have)
        _check_worst_inputs(decoder.networks[name], have)


def test_a_description_survives_json(decoder: DecoderModel) -> None:
    layers = decoder.networks["synthesis"].layers

    assert layers_from_json(layers_to_json(layers)) == layers


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"a.bias": None}, "lacks the array 'a.bias'", id="missing"),
        pytest.param({"a.shift": np.zeros(3, np.uint8)}, "do not fit together", id="shape"),
        pytest.param({"a.bias": np.zeros((7, 2), np.int32)}, "bias of layer 'a'", id="bias"),
    ],
)
def test_incomplete_arrays_are_refused(change: dict[str, Any], says: str) -> None:
    arrays: dict[str, Any] = {
        "a.weight": np.ones((4, 2), np.int16),
        "a.bias": np.zeros((1, 2), np.int32),
        "a.shift": np.zeros(2, np.uint8),
        "a.low": np.zeros(2, np.int32),
        "a.high": np.ones(2, np.int32),
    }
    arrays = {k: v for k, v in (arrays | change).items() if v is not None}
    layers = layers_to_json([Layer(name="a", op="conv", inputs=(Source("x"),))])

    with pytest.raises(WeightsError, match=says):
        network_from_arrays(layers, arrays)
