"""Passes: every position of every group once, even ones first; anything else is refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.enc_model import EncoderModel
from numcodecs_neural.networks.passes import Pass, passes_from_json, positions_of
from numcodecs_neural.weights import WeightsFile
from tests.models import Small


def test_passes_are_numbered_in_the_order_of_coding() -> None:
    passes = passes_from_json([[2, "even"], [1, "all"], [2, "odd"]], [True, False, True], 2)

    assert passes == (
        Pass(number=1, group=2, phase="even", has_mean=True),
        Pass(number=2, group=1, phase="all", has_mean=False),
        Pass(number=3, group=2, phase="odd", has_mean=True),
    )
    assert [p.is_last_of_group for p in passes] == [False, True, True]
    assert (passes[2].network, passes[2].mean, passes[2].index) == ("pass3", "mean3", "index3")


@pytest.mark.parametrize(
    ("entries", "has_mean", "says"),
    [
        pytest.param([[1, "all"]], [True], "codes group 2 in the passes", id="group left out"),
        pytest.param([[1, "all"]] * 2, [True] * 2, r"\['all', 'all'\]", id="group twice"),
        pytest.param([[1, "odd"], [1, "even"]], [True] * 2, "'odd', 'even'", id="odd first"),
        pytest.param([[1, "even"], [2, "all"]], [True] * 2, r"\['even'\]", id="half a group"),
        pytest.param(
            [[1, "all"], [2, "all"], [3, "all"]], [True] * 3, "beyond the 2 there are", id="beyond"
        ),
        pytest.param([[1, "all"], [2, "all"]], [True], "2 passes and has_mean", id="a mean less"),
        pytest.param([[1, "all"], [2, "all"]], [1, 0], "has_mean", id="means as numbers"),
        pytest.param([[0, "all"]], [True], "describes pass 1 as", id="from 0"),
        pytest.param([[True, "all"]], [True], "describes pass 1 as", id="a truth"),
        pytest.param([[1, "some"]], [True], "describes pass 1 as", id="phase"),
        pytest.param([[1]], [True], "describes pass 1 as", id="no phase"),
        pytest.param(["1a"], [True], "describes pass 1 as", id="string"),
        pytest.param([[1, ["all"]]], [True], "describes pass 1 as", id="phase in a list"),
        pytest.param(7, [True], "other than lists", id="number"),
        pytest.param([[1, "all"]], None, "other than lists", id="nothing"),
    ],
)
def test_other_passes_are_refused(entries: Any, has_mean: Any, says: str) -> None:
    with pytest.raises(WeightsError, match=says):
        passes_from_json(entries, has_mean, 2)


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (3, 1), (4, 6), (5, 7)], ids=str)
def test_even_and_odd_positions_are_a_checkerboard(size: tuple[int, int]) -> None:
    board = np.full(size, -1)
    even, odd = positions_of("even", *size), positions_of("odd", *size)
    assert even is not None
    assert odd is not None

    board.ravel()[even] = 0
    board.ravel()[odd] = 1

    rows, columns = np.indices(size)
    np.testing.assert_array_equal(board, (rows + columns) % 2)
    assert positions_of("all", *size) is None


def changed(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> WeightsFile:
    """Return the decoder file of a small model after `change` to description and arrays."""
    description, arrays = Small().contents()[0]
    file = WeightsFile(sha256="0" * 64, description=description, arrays=arrays)
    change(description, arrays)
    return replace(file, description=description, arrays=arrays)


def rename(description: dict[str, Any], old: str, new: str) -> None:
    description["networks"][new] = description["networks"].pop(old)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda d, a: d.update(version=1), "no decoder of version 3", id="version 1"),
        pytest.param(lambda d, a: d.pop("passes"), "lacks 'passes'", id="no passes"),
        pytest.param(lambda d, a: d.update(passes=[[1, "all"]] * 4), "codes group 1", id="passes"),
        pytest.param(lambda d, a: rename(d, "pass2", "group2"), "has the networks", id="names"),
        pytest.param(
            lambda d, a: d["networks"]["pass2"].append(d["networks"]["pass1"][-1]),
            "two layers of one name",
            id="a name twice",
        ),
        pytest.param(
            lambda d, a: d["networks"]["pass1"].pop(), "no layer 'index1'", id="no indexes"
        ),
        pytest.param(
            lambda d, a: d["networks"]["pass1"][0]["inputs"].append(["y1", 0, None]),
            "reads 'y1', which does not exist",
            id="latents not begun",
        ),
        pytest.param(
            lambda d, a: a["index3.high"].fill(12),
            "index3' has 48 channels of 0 to 12",
            id="tables",
        ),
        pytest.param(lambda d, a: a["p.high"].fill(4096), "pixels of 0 to 4096", id="pixels"),
        pytest.param(lambda d, a: a["p.low"].fill(-1), "pixels of -1 to 4095", id="below 0"),
        pytest.param(lambda d, a: d.pop("pixel_fraction"), "lacks 'pixel_fraction'", id="fraction"),
        pytest.param(lambda d, a: d.update(pixel_fraction=9), "pixel_fraction 9", id="9 bits"),
        pytest.param(lambda d, a: d.update(pixel_fraction=3), "pixels of 0 to 4095", id="3 bits"),
        pytest.param(lambda d, a: d.update(channels=2), "with 1 channels", id="channels"),
    ],
)
def test_decoders_that_do_not_fit_together_are_refused(
    change: Callable[[dict[str, Any], dict[str, Any]], object], says: str
) -> None:
    file = changed(change)

    with pytest.raises(WeightsError, match=says):
        DecoderModel.from_file(file)


def test_an_encoder_without_fractions_cannot_read_them() -> None:
    description, arrays = Small().contents()[1]
    description["pixel_fraction"] = 0
    file = WeightsFile(sha256="0" * 64, description=description, arrays=arrays)

    with pytest.raises(WeightsError, match="reads 'x_fraction', which does not exist"):
        EncoderModel.from_file(file, "0" * 64)
