"""What a tile is asked for with."""

import pytest

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.omezarr.shown_channels import ShownChannel
from numcodecs_neural.view.looks import Look


def test_a_look_is_read_from_a_query() -> None:
    look = Look.parse({"z": "2", "v": "run"}, ["0:FF8000:10:900.5"])

    assert look == Look({"z": 2}, (ShownChannel(0, 10, 900.5, (255, 128, 0)),))


@pytest.mark.parametrize(
    ("places", "channels"),
    [
        ({"z": "two"}, []),
        ({}, ["0:FF8000:10"]),
        ({}, ["0:FF80:10:900"]),
        ({}, ["0:GG8000:10:900"]),
        ({}, ["0:FF8000:nan:900"]),
        ({}, ["0:FF8000:0:inf"]),
        ({}, ["x:FF8000:0:1"]),
    ],
    ids=str,
)
def test_a_query_that_is_none_is_refused(places: dict[str, str], channels: list[str]) -> None:
    with pytest.raises(ConfigError, match="RRGGBB"):
        Look.parse(places, channels)
