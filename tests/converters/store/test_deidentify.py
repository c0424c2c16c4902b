"""Descriptions of slides without what may identify a patient."""

import pytest

from numcodecs_neural.converters.store.deidentify import aperio_without_confidential

HEAD = "Aperio Image Library v11.2.1 \r\n46000x32914 [42673,5576 2220x2967] (240x240) JPEG/RGB Q=30"
EARLIER = "Aperio Image Library v10.0.51\r\n46920x33014 [0,100 46000x32914] (256x256) JPEG/RGB Q=30"


def test_optics_sizes_and_coding_are_kept() -> None:
    text = f"{HEAD};{EARLIER}|AppMag = 20|MPP = 0.4990|OriginalWidth = 46000"

    assert aperio_without_confidential(text) == text


@pytest.mark.parametrize(
    "entry",
    [
        *("User = J. Doe", "Filename = 1234", "Date = 12/29/09", "Time = 09:59:15", "ImageID = 7"),
        *("Title = J. Doe", "Barcode = 99", "ScanScope ID = SS1302", "Rack = 1", "J. Doe"),
    ],
)
def test_people_dates_and_numbers_are_left_out(entry: str) -> None:
    assert aperio_without_confidential(f"{HEAD}|{entry}|MPP = 0.25") == f"{HEAD}|MPP = 0.25"


@pytest.mark.parametrize("line", ["J. Doe", "label J. Doe 387x463", "1x1 of J. Doe"])
def test_other_lines_of_the_head_are_left_out(line: str) -> None:
    found = aperio_without_confidential(f"Aperio Image Library v11\r\n{line}|MPP = 0.25")

    assert "Doe" not in found
    assert found.endswith("|MPP = 0.25")
