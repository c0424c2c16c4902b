"""Coefficients come back as the stream that they were read from, or as a smaller one."""

from collections.abc import Callable

import hypothesis
import numpy as np
import pytest

from numcodecs_neural.errors import ConfigError, JpegError
from numcodecs_neural.jpeg import Coefficients, Colour, Frame, Process
from numcodecs_neural.jpeg.reading import read_heads, read_jpeg
from numcodecs_neural.jpeg.writing import (
    rewrite_jpeg,
    write_abbreviated,
    write_baseline,
    write_tables,
)
from numcodecs_neural.jpeg.writing.standard_tables import STANDARD_AC, STANDARD_DC
from tests.jpeg.streams import (
    PROGRESSIVE,
    SEQUENTIAL,
    equal,
    frame_of,
    images,
    libjpeg,
    photo,
    random_coefficients,
    saved,
)

Cut = Callable[[bytes, bytes], list[bytes]]
Image = tuple[Frame, Colour, tuple[tuple[int, ...], ...], Coefficients]


@pytest.mark.parametrize("options", [*SEQUENTIAL.values(), *PROGRESSIVE.values()], ids=str)
@pytest.mark.parametrize("size", [(147, 189), (16, 16), (1, 1), (5, 70)], ids=str)
def test_a_stream_is_written_again_byte_for_byte(
    size: tuple[int, int], options: dict[str, object]
) -> None:
    stream = saved(photo(*size), comment=b"kept", **options) + b"trailing"

    assert rewrite_jpeg(*read_jpeg(stream)) == stream


@pytest.mark.parametrize("options", [*SEQUENTIAL.values(), *PROGRESSIVE.values()], ids=str)
def test_any_source_comes_back_as_baseline_with_equal_coefficients(
    options: dict[str, object],
) -> None:
    source = saved(photo(), **options)
    description, coefficients = read_jpeg(source)

    stream = write_baseline(description.frame, description.colour, description.steps, coefficients)

    found, again = read_jpeg(stream)
    assert found.frame.process is Process.BASELINE
    assert equal(again, coefficients)
    np.testing.assert_array_equal(libjpeg(stream), libjpeg(source))


@pytest.mark.parametrize("interval", [0, 5])
def test_tables_made_from_counts_are_those_that_libjpeg_makes(interval: int) -> None:
    source = saved(photo(), optimize=True, restart_marker_blocks=interval)
    description, coefficients = read_jpeg(source)

    stream = write_baseline(
        description.frame,
        description.colour,
        description.steps,
        coefficients,
        restart_interval=interval,
    )

    assert read_jpeg(stream)[0].scans[0].ac_tables == description.scans[0].ac_tables
    begin = len(description.scans[0].head)
    assert stream.endswith(source[begin:])


def test_the_standard_tables_are_those_that_libjpeg_writes_unless_told_otherwise() -> None:
    (scan,) = read_jpeg(saved(photo()))[0].scans

    assert (*STANDARD_DC, STANDARD_DC[1]) == scan.dc_tables
    assert (*STANDARD_AC, STANDARD_AC[1]) == scan.ac_tables


@hypothesis.given(images(steps=65535))
def test_tiles_and_tables_apart_are_the_image(image: Image) -> None:
    frame, colour, steps, coefficients = image
    hypothesis.assume(len(steps) == 1 or blocks_of_unit(frame) <= 10)

    tile, tables = write_abbreviated(*image), write_tables(steps)

    description, found = read_jpeg(tile, tables=tables)
    assert (description.colour, description.steps) == (colour, steps)
    assert equal(found, coefficients)


def blocks_of_unit(frame: Frame) -> int:
    return sum(component.horizontal * component.vertical for component in frame.components)


def test_a_tile_whose_units_do_not_fit_into_one_scan_is_refused(rng: np.random.Generator) -> None:
    frame = frame_of(32, 32, (4, 4), (1, 1), (1, 1))
    coefficients = random_coefficients(rng, frame)

    with pytest.raises(ConfigError, match="18 blocks do not fit into one scan, which takes 10"):
        write_abbreviated(frame, Colour.YCBCR, ((1,) * 64,) * 3, coefficients)


@pytest.mark.parametrize("options", [*SEQUENTIAL.values(), *PROGRESSIVE.values()], ids=str)
def test_all_but_its_data_describes_a_stream(options: dict[str, object]) -> None:
    description, _ = read_jpeg(saved(photo(), comment=b"kept", **options) + b"trailing")

    assert read_heads([*(scan.head for scan in description.scans), description.tail]) == description


@pytest.mark.parametrize(
    ("cut", "says"),
    [
        pytest.param(lambda head, tail: [head, head[-14:]], "goes on with another", id="tail"),
        pytest.param(lambda head, tail: [head + tail, tail], "does not end with", id="head"),
        pytest.param(lambda head, tail: [head[:2] + tail, tail], "does not end with", id="no scan"),
        pytest.param(lambda head, tail: [tail], "no image", id="no head"),
    ],
)
def test_pieces_that_are_no_heads_are_refused(cut: Cut, says: str) -> None:
    description, _ = read_jpeg(saved(photo()))

    with pytest.raises(JpegError, match=says):
        read_heads(cut(description.scans[0].head, description.tail))


@hypothesis.given(images(steps=65535))
def test_any_coefficients_can_be_written(image: Image) -> None:
    frame, colour, steps, coefficients = image

    description, found = read_jpeg(write_baseline(*image, restart_interval=3))

    assert description.colour is colour
    assert description.steps == steps
    expected = coefficients if len(description.scans) == 1 else within_image(frame, coefficients)
    assert equal(found, expected)


def within_image(frame: Frame, coefficients: Coefficients) -> Coefficients:
    """Return what scans of one component keep: blocks behind the image are 0."""
    kept = tuple(np.zeros_like(blocks) for blocks in coefficients)
    for component, blocks, result in zip(frame.components, coefficients, kept, strict=True):
        rows, columns = frame.inner_shape(component)
        result[:rows, :columns] = blocks[:rows, :columns]
    return kept


@pytest.mark.parametrize(("position", "value"), [(0, 1024), (0, -1025), (1, 1024), (63, -1024)])
def test_coefficients_beyond_8_bit_jpeg_are_refused(position: int, value: int) -> None:
    blocks = np.zeros((1, 1, 64), np.int16)
    blocks[0, 0, position] = value

    with pytest.raises(ConfigError, match="more bits than 8-bit JPEG"):
        write_baseline(frame_of(8, 8, (1, 1)), Colour.GREY, ((1,) * 64,), (blocks,))


def test_coefficients_of_another_shape_are_refused(rng: np.random.Generator) -> None:
    coefficients = random_coefficients(rng, frame_of(8, 8, (1, 1)))

    with pytest.raises(ConfigError, match=r"\(1, 1, 64\).*expected .*\(2, 1, 64\)"):
        write_baseline(frame_of(9, 8, (1, 1)), Colour.GREY, ((1,) * 64,), coefficients)


def test_tables_without_a_code_that_is_needed_are_refused(rng: np.random.Generator) -> None:
    description, coefficients = read_jpeg(saved(photo(), optimize=True, quality=20))

    other = random_coefficients(rng, description.frame)

    with pytest.raises(ConfigError, match="no code"):
        rewrite_jpeg(description, other)
    assert len(other) == len(coefficients)
