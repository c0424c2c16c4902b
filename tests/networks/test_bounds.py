"""No sum leaves what float32 holds exactly; files for which that is not so are refused."""

from typing import Any

import numpy as np
import pytest

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.bounds import ACCUMULATOR_LIMIT, prove
from numcodecs_neural.networks.description import (
    ConvArrays,
    Layer,
    Network,
    Source,
    layers_from_json,
    layers_to_json,
    network_from_arrays,
)
from numcodecs_neural.networks.models import DecoderModel, EncoderModel


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
    reach = prove(conv(np.full((8, 1), 1024), bias=2**10 - 1), {"x": np.full(8, 2047.0)})

    assert ACCUMULATOR_LIMIT > 8 * 1024 * 2047 + 2**10 - 1
    assert reach["a"].tolist() == [2047]


@pytest.mark.parametrize(
    ("network", "says"),
    [
        pytest.param(conv(np.full((9, 1), 1024)), "channel 0: sums may reach", id="sum"),
        pytest.param(conv([[1]] * 8, bias=2**24), "sums may reach", id="bias"),
        pytest.param(conv([[2048]] * 8), "factors beyond", id="weight of 12 bits"),
        pytest.param(conv([[1]] * 9), "has weights for 9 inputs and gets 8", id="wrong inputs"),
    ],
)
def test_what_float32_does_not_hold_is_refused(network: Network, says: str) -> None:
    size = 9 if "sum" in says and len(network.convs["a"].weight) == 9 else 8

    with pytest.raises(WeightsError, match=says):
        prove(network, {"x": np.full(size, 2047.0)})


def test_a_layer_that_reads_nothing_is_refused() -> None:
    with pytest.raises(WeightsError, match="reads 'x', which does not exist"):
        prove(conv([[1]]), {"y": np.ones(1)})


def _check_worst_inputs(network: Network, reach: dict[str, Any]) -> None:
    """Drive each output channel to its largest sum: float32 must agree with int64."""
    for layer in network.layers:
        if layer.op != "conv":
            continue
        weight = network.convs[layer.name].weight
        parts = [reach[s.name][s.start : s.stop] for s in layer.inputs]
        largest = np.tile(np.concatenate(parts), layer.kernel**2)
        worst = np.sign(weight.T) * largest
        exact = worst.astype(np.int64) @ weight.astype(np.int64)
        found = worst.astype(np.float32) @ weight
        np.testing.assert_array_equal(found, exact, layer.name)
        assert np.abs(exact).max() > 2**18, f"{layer.name} was hardly driven"


def test_worst_inputs_of_the_encoder_are_exact(encoder: EncoderModel) -> None:
    analysis, hyper = (encoder.networks[n] for n in ("analysis", "hyper_analysis"))
    _check_worst_inputs(analysis, prove(analysis, {"x": np.full(3, 128.0)}))
    latents = np.full(encoder.inverse_step.shape[1], 2.0**15 - 1)
    _check_worst_inputs(hyper, prove(hyper, {"y": latents}))


def test_worst_inputs_of_the_decoder_are_exact(decoder: DecoderModel) -> None:
    reach = {"z": np.full(decoder.hyper_index.shape[1], 127.0)}
    reach |= {f"y{i}": np.full(g, 2.0**15 - 1) for i, g in enumerate(decoder.groups, 1)}
    reach |= {f"d{i}": np.full(g, 2047.0) for i, g in enumerate(decoder.groups, 1)}
    for name in ("features", "group1", "group2", "group3", "synthesis"):
        reach |= prove(decoder.networks[name], reach)
        _check_worst_inputs(decoder.networks[name], reach)


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
