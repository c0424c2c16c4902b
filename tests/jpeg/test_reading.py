"""Streams are read to the coefficients that libjpeg reads, and to all that stands around them."""

import dataclasses
from typing import Any

import imagecodecs
import numpy as np
import pytest

from numcodecs_neural.errors import JpegError, UnsupportedJpegError
from numcodecs_neural.jpeg import Colour, Component, Process
from numcodecs_neural.jpeg.reading import read_header, read_jpeg
from numcodecs_neural.jpeg.writing import write_baseline
from tests.jpeg.streams import PROGRESSIVE, equal, frame_of, photo, random_coefficients, saved


def test_a_description_says_what_the_headers_say() -> None:
    stream = saved(photo(50, 33), quality=75, subsampling=2, restart_marker_blocks=2)

    description, coefficients = read_jpeg(stream)

    frame = description.frame
    assert (frame.process, frame.height, frame.width) == (Process.BASELINE, 50, 33)
    assert frame.components == (
        Component(1, 2, 2, 0),
        Component(2, 1, 1, 1),
        Component(3, 1, 1, 1),
    )
    assert description.colour is Colour.YCBCR
    assert description.steps[0][:4] == (8, 6, 5, 8)
    assert description.scans[0].restart_interval == 2
    assert stream.startswith(description.scans[0].head)
    assert description.tail == b"\xff\xd9"
    assert [blocks.shape for blocks in coefficients] == [(8, 6, 64), (4, 3, 64), (4, 3, 64)]
    assert all(blocks.dtype == np.int16 for blocks in coefficients)


def test_a_flat_image_has_dc_alone() -> None:
    _, (blocks,) = read_jpeg(saved(np.full((8, 16), 200, np.uint8), quality=50))

    # 8 x (200 - 128) / 16, the first step of the standard's table.
    assert blocks[..., 0].tolist() == [[36, 36]]
    assert not blocks[..., 1:].any()


@pytest.mark.parametrize("options", PROGRESSIVE.values(), ids=str)
def test_progressive_and_baseline_streams_have_equal_coefficients(
    options: dict[str, object],
) -> None:
    progressive = read_jpeg(saved(photo(), **options))
    baseline = read_jpeg(saved(photo(), **options | {"progressive": False}))

    # Blocks behind the image are coded in scans of several components only.
    for component, one, other in zip(
        progressive[0].frame.components, progressive[1], baseline[1], strict=True
    ):
        rows, columns = progressive[0].frame.inner_shape(component)
        np.testing.assert_array_equal(one[:rows, :columns], other[:rows, :columns])
    assert len(progressive[0].scans) == 10


def test_tables_may_stand_in_a_stream_of_their_own() -> None:
    whole = saved(photo())
    description, expected = read_jpeg(whole)
    head = description.scans[0].head
    frame_begins = head.index(b"\xff\xc0")
    scan_begins = head.rindex(b"\xff\xda")
    huffman = head[head.index(b"\xff\xc4") : scan_begins]
    tables = head[:frame_begins] + huffman + b"\xff\xd9"
    image = b"\xff\xd8" + head[frame_begins : head.index(b"\xff\xc4")] + whole[scan_begins:]

    _, found = read_jpeg(image, tables=tables)

    assert equal(found, expected)
    with pytest.raises(JpegError, match="DC table 0 is not defined"):
        read_jpeg(image)


def test_steps_of_16_bits_are_read(rng: np.random.Generator) -> None:
    frame = frame_of(20, 20, (1, 1))
    steps = (tuple(range(1, 64 * 1000, 1000)),)
    coefficients = random_coefficients(rng, frame)

    description, found = read_jpeg(write_baseline(frame, Colour.GREY, steps, coefficients))

    assert description.frame.process is Process.EXTENDED
    assert description.steps == steps
    assert equal(found, coefficients)


def test_scans_of_one_component_each_are_read(rng: np.random.Generator) -> None:
    # Units of 17 blocks, which one scan cannot have.
    frame = frame_of(70, 50, (4, 4), (1, 1), (2, 2))
    coefficients = random_coefficients(rng, frame, largest=9)
    for component, blocks in zip(frame.components, coefficients, strict=True):
        rows, columns = frame.inner_shape(component)
        blocks[rows:], blocks[:, columns:] = 0, 0

    stream = write_baseline(frame, Colour.YCBCR, ((1,) * 64,) * 3, coefficients)
    description, found = read_jpeg(stream)

    assert [scan.components for scan in description.scans] == [(0,), (1,), (2,)]
    assert equal(found, coefficients)


def test_fill_bytes_before_markers_belong_to_them() -> None:
    stream = saved(photo(), restart_marker_blocks=2)
    filled = stream.replace(b"\xff\xd1", b"\xff\xff\xff\xd1").replace(b"\xff\xda", b"\xff\xff\xda")

    assert equal(read_jpeg(filled)[1], read_jpeg(stream)[1])


def test_a_restart_interval_among_the_tables_sets_none() -> None:
    """Libjpeg forgets it when the image begins."""
    stream = saved(photo())
    tables = b"\xff\xd8" + b"\xff\xdd\0\x04\0\x03" + b"\xff\xd9"

    description, found = read_jpeg(stream, tables=tables)

    assert description.scans[0].restart_interval == 0
    assert equal(found, read_jpeg(stream)[1])


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=str)
def test_bytes_without_meaning_before_markers_are_passed_over_if_asked(
    options: dict[str, bool],
) -> None:
    stream = saved(photo(), restart_marker_blocks=9, **options)
    odd = stream.replace(b"\xff\xd1", b"abc\xff\xd1").replace(b"\xff\xc4", b"abc\xff\xc4")

    description, found = read_jpeg(odd, tolerance=3)

    assert equal(found, read_jpeg(stream)[1])
    assert b"abc\xff\xc4" in description.scans[0].head
    with pytest.raises(JpegError):
        read_jpeg(odd, tolerance=2)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
def test_a_header_is_read_without_the_data_behind_it(options: dict[str, Any]) -> None:
    stream = saved(photo(), **options)
    whole = read_jpeg(stream)[0]

    header = read_header(stream[: stream.index(b"\xff\xda") + 14])

    assert (header.frame, header.colour, header.steps) == (whole.frame, whole.colour, whole.steps)
    assert (header.scans, header.tail) == ((), b"")


def test_tables_alone_have_no_header_of_an_image() -> None:
    with pytest.raises(JpegError, match="has no image, only tables"):
        read_header(b"\xff\xd8\xff\xd9")


JFIF, ADOBE_RGB, ADOBE_YCC = (
    b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0",
    b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\0",
    b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\1",
)


@pytest.mark.parametrize(
    ("markers", "names", "colour"),
    [
        (b"", b"\1\2\3", Colour.YCBCR),
        (b"", b"RGB", Colour.RGB),
        (b"", b"\0\1\2", Colour.YCBCR),
        (JFIF, b"RGB", Colour.YCBCR),
        (ADOBE_RGB, b"\1\2\3", Colour.RGB),
        (ADOBE_YCC, b"RGB", Colour.YCBCR),
        (ADOBE_RGB + JFIF, b"\1\2\3", Colour.YCBCR),
    ],
)
def test_colour_is_what_libjpeg_takes_it_for(markers: bytes, names: bytes, colour: Colour) -> None:
    frame = frame_of(16, 16, (1, 1), (1, 1), (1, 1))
    named = tuple(
        dataclasses.replace(component, identifier=name)
        for component, name in zip(frame.components, names, strict=True)
    )
    frame = dataclasses.replace(frame, components=named)
    blocks = random_coefficients(np.random.default_rng(1), frame, largest=40)
    stream = write_baseline(frame, Colour.RGB, ((1,) * 64,) * 3, blocks)
    stream = stream[:2] + markers + stream[2 + len(ADOBE_RGB) :]

    description, _ = read_jpeg(stream)
    as_is = imagecodecs.jpeg8_decode(stream, colorspace="RGB", outcolorspace="RGB")

    assert description.colour is colour
    is_rgb = np.array_equal(imagecodecs.jpeg8_decode(stream), as_is)
    assert is_rgb == (colour is Colour.RGB)


def test_what_follows_the_end_is_kept() -> None:
    description, _ = read_jpeg(saved(photo()) + b"\0more")

    assert description.tail == b"\xff\xd9\0more"


def test_the_limit_of_blocks_is_the_callers() -> None:
    stream = saved(photo(64, 64), subsampling=0)

    assert len(read_jpeg(stream, max_blocks=192)[1]) == 3
    with pytest.raises(UnsupportedJpegError, match="64 x 64 samples in 192 blocks, more than 191"):
        read_jpeg(stream, max_blocks=191)
