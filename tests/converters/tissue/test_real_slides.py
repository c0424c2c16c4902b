"""Both detectors, on real slides whose tissue was outlined by hand.

An outline passes over holes that are smaller than a chunk. The shared data are no part of the
repository: without them these tests skip.
"""

from contextlib import closing
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.converters.tissue import (
    Overview,
    find_tissue,
    glass_colour,
    is_bright_field,
    read_overview,
)

from .tissue_slides import drawn_mask, figures

SLIDES = Path(__file__).resolve().parents[4] / "shared" / "data" / "wsi"
# What is kept around tissue by default, in pixels of level 0, by the slides that tell their scale:
# 50 micrometres at 0.499; 128 pixels for the others.
MARGINS_PX = {"cmu1_small_region": 100, "tcga_cr_7395": 128, "her2st_b4": 128}


@cache
def overview_of(slide: str) -> Overview:
    path = SLIDES / slide
    if not path.is_file():
        pytest.skip(f"{path} is not there: the shared data are no part of the repository")
    with closing(open_source(path)) as source:
        return read_overview(source)


@pytest.mark.parametrize("name", MARGINS_PX)
@pytest.mark.parametrize("how", ["threshold", "network"])
def test_masks_agree_with_those_drawn_by_hand(how: str, name: str) -> None:
    slide, drawn = drawn_mask(name)
    overview = overview_of(slide)
    margin = int(np.ceil(MARGINS_PX[name] / overview.downsample))

    found = figures([(find_tissue(overview, how), drawn)], margin)

    assert found.dice >= 0.95
    assert found.recall_with_margin >= 0.999


@pytest.mark.parametrize(
    ("slide", "colour"),
    [
        ("aperio-svs/CMU-1-Small-Region.svs", (246, 243, 243)),
        ("aperio-svs/TCGA-CR-7395-01A-01-TS1.svs", (241, 236, 240)),
        ("derived-pyramids/her2st_B4_pyramidal.ome.tif", (221, 208, 223)),
        ("ome-tiff/OS-2-ndpi.ome.tif", (226, 224, 235)),
    ],
)
def test_bright_field_slides_are_told_with_the_colour_of_their_glass(
    slide: str, colour: tuple[int, int, int]
) -> None:
    overview = overview_of(slide)

    assert is_bright_field(overview)
    assert np.abs(np.subtract(glass_colour(overview), colour)).max() <= 3


def test_a_slide_without_glass_is_bright_field_and_all_tissue() -> None:
    overview = overview_of("ome-tiff/OS-1-detail.ome.tif")

    assert is_bright_field(overview)
    assert find_tissue(overview).all()


@pytest.mark.parametrize("name", ["test3-DAPI-2-387", "test3-TRITC-2-560"])
def test_fluorescence_is_not_bright_field(name: str) -> None:
    assert not is_bright_field(overview_of(f"hamamatsu-ndpi/{name}.ndpi"))
