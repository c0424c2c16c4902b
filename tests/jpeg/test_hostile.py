"""Damaged, foreign and malicious streams: errors that say what and where, in little memory."""

import tracemalloc

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from numcodecs_neural.errors import JpegError, TruncatedJpegError, UnsupportedJpegError
from numcodecs_neural.jpeg import decode_pixels
from numcodecs_neural.jpeg.reading import MAX_SCANS, read_jpeg
from tests.jpeg.streams import PROGRESSIVE, SEQUENTIAL, encoded, libjpeg, photo, saved

PIXELS = photo(60, 76)
STREAMS = {
    name: saved(PIXELS, **options)
    for name, options in (SEQUENTIAL | PROGRESSIVE).items()
    if name in ("baseline", "restarts", "progressive", "progressive, restarts")
}
BASELINE = STREAMS["baseline"]
SCAN = BASELINE.index(b"\xff\xda") + 14
FRAME = BASELINE.index(b"\xff\xc0")


def segment(marker: int, *content: int) -> bytes:
    return bytes([0xFF, marker, 0, 2 + len(content), *content])


def frame(marker: int = 0xC0, size: int = 8) -> bytes:
    return segment(marker, 8, 0, size, 0, size, 1, 1, 0x11, 0)


def huffman(kind: int, *symbols: int) -> bytes:
    """Return a table whose codes are 0, 10, 110 and so on."""
    return segment(0xC4, kind << 4, *[n < len(symbols) for n in range(16)], *symbols)


def scan(first: int, last: int, bits: int, data: str) -> bytes:
    """Return a scan of one component with data given as bits."""
    data = data.replace(" ", "")
    padded = data + "1" * (-len(data) % 8)
    coded = int(padded, 2).to_bytes(len(padded) // 8, "big").replace(b"\xff", b"\xff\0")
    return segment(0xDA, 1, 1, 0, first, last, bits) + coded


def stream(*parts: bytes) -> bytes:
    steps = segment(0xDB, 0, *[1] * 64)
    return b"\xff\xd8" + steps + b"".join(parts) + b"\xff\xd9"


def edited(place: int, *values: int) -> bytes:
    return BASELINE[:place] + bytes(values) + BASELINE[place + len(values) :]


@pytest.mark.parametrize("whole", STREAMS.values(), ids=STREAMS)
def test_a_stream_cut_anywhere_is_refused(whole: bytes) -> None:
    for length in range(0, len(whole) - 1, 7):
        with pytest.raises(JpegError):
            read_jpeg(whole[:length])


@pytest.mark.parametrize(
    ("cut", "text"),
    [
        pytest.param(SCAN + 200, "within the data of a scan", id="in a scan"),
        pytest.param(FRAME + 5, "within segment 0xc0", id="in a segment"),
        pytest.param(FRAME, "without an end marker", id="between segments"),
    ],
)
def test_a_cut_stream_is_said_to_be_cut(cut: int, text: str) -> None:
    with pytest.raises(TruncatedJpegError, match=text):
        read_jpeg(BASELINE[:cut])


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        pytest.param([scan(0, 63, 0, "0")], "a scan before the frame", id="no frame"),
        pytest.param([frame(), frame()], "a second frame header", id="two frames"),
        pytest.param([frame()], "no image, only tables", id="no scan"),
        pytest.param([segment(0xC0, 8)], "frame header has 1 bytes", id="short frame"),
        pytest.param([frame(size=0)], "height behind the image", id="no height"),
        pytest.param([frame(), segment(0xDC, 0, 8)], "height behind the image", id="DNL"),
        pytest.param([segment(0xC0, 8, 0, 8, 0, 0, 1, 1, 0x11, 0)], "no columns", id="no width"),
        pytest.param(
            [segment(0xC0, 8, 0, 8, 0, 8, 1, 1, 0x51, 0)], r"factors \(5, 1\)", id="factor 5"
        ),
        pytest.param([segment(0xC0, 8, 0, 8, 0, 8, 1, 1, 0x11, 4)], "table 4", id="table of steps"),
        pytest.param(
            [segment(0xC0, 8, 0, 8, 0, 8, 3, *b"\1\x11\0\1\x11\0\2\x11\0")],
            "the same identifier",
            id="identifiers",
        ),
        pytest.param([segment(0xDB, 0x20)], "begins with 0x20", id="steps of 24 bits"),
        pytest.param([segment(0xDB, 0, 1)], "ends within a quantisation", id="short steps"),
        pytest.param([segment(0xDB, 0, *[0] * 64)], "step of 0", id="step 0"),
        pytest.param([segment(0xDD, 1)], "restart interval has 1 bytes", id="short interval"),
        pytest.param([segment(0xC4, 4)], "begins with 0x04", id="Huffman table 4"),
        pytest.param([segment(0xC4, 0, 1)], "of 1 codes does not fit", id="short table"),
        pytest.param([segment(0xC4, 0, 3, *[0] * 18)], "more codes of 1 bits", id="full table"),
        pytest.param([b"\xff\xd8"], "0xd8 at byte 71, out of place", id="second start"),
        pytest.param([segment(0x50)], "0x50 at byte 71, out of place", id="reserved marker"),
        pytest.param([huffman(0, 16)], "DC table 0 has a symbol above 15", id="DC of 16 bits"),
        pytest.param([b"\0"], "byte 0x00 at 71, where a marker", id="no marker"),
        pytest.param([b"\xff\xe0\0\1"], "0xe0 at byte 71 has a length of 1", id="length 1"),
        pytest.param([frame(), segment(0xDA)], "scan header has 0 bytes", id="short scan"),
        pytest.param(
            [frame(), segment(0xDA, 1, 7, 0, 0, 63, 0)], r"\[7\]; the frame has \[1\]", id="names"
        ),
        pytest.param(
            [frame(), segment(0xDA, 2, 1, 0, 1, 0, 0, 63, 0)], "order of the frame", id="twice"
        ),
        pytest.param([frame(), scan(0, 62, 0, "0")], "coefficients 0 to 62", id="range"),
        pytest.param([frame(), scan(0, 63, 0, "0")], "DC table 0 is not defined", id="no table"),
    ],
)
def test_what_breaks_the_standard_is_named(parts: list[bytes], text: str) -> None:
    with pytest.raises(JpegError, match=text):
        read_jpeg(stream(*parts))


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        (0xC3, "lossless"),
        (0xC5, "hierarchical"),
        (0xC9, "arithmetic"),
        (0xCA, "arithmetic"),
        (0xF7, "JPEG-LS"),
    ],
)
def test_other_kinds_of_jpeg_are_named(marker: int, text: str) -> None:
    with pytest.raises(UnsupportedJpegError, match=text):
        read_jpeg(edited(FRAME + 1, marker))


def test_deep_samples_and_four_components_are_named() -> None:
    deep = encoded(PIXELS.astype(np.uint16), 90, bitspersample=12)
    inks = segment(0xC0, 8, 0, 8, 0, 8, 4, *b"\1\x11\0\2\x11\0\3\x11\0\4\x11\0")

    with pytest.raises(UnsupportedJpegError, match="12 bits a sample"):
        read_jpeg(deep)
    with pytest.raises(UnsupportedJpegError, match="4 components"):
        read_jpeg(stream(inks))


def test_ratios_that_libjpeg_does_not_enlarge_are_named() -> None:
    with pytest.raises(UnsupportedJpegError, match=r"\(2, 1\) below \(3, 1\): not a whole ratio"):
        read_jpeg(edited(FRAME + 11, 0x31, 0, 2, 0x21))


DC, AC = huffman(0, 0, 11), huffman(1, 0, 0xF1, 0x0B)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param("0 111", "a code that no table has", id="illegal AC"),
        pytest.param("11", "a code that no table has", id="illegal DC"),
        pytest.param("0 110 11111111111", "means nothing here", id="AC of 11 bits"),
        pytest.param("10 11111111111 0", "beyond 11 bits", id="DC of 12 bits"),
        pytest.param("0 10 1 10 1 10 1 10 1", "beyond the last one", id="run beyond the block"),
        pytest.param("0 0 00000000", "data left", id="surplus"),
        pytest.param("0 10 1 10 1", "no data left", id="too few bits"),
    ],
)
def test_damaged_data_say_where_they_are(data: str, text: str) -> None:
    where = "scan 1 of the JPEG stream, minimum coded unit at row 0, column 0"

    with pytest.raises(JpegError, match=f"{where}: .*{text}"):
        read_jpeg(stream(frame(), DC, AC, scan(0, 63, 0, data)))


RUNS = huffman(1, 0x10, 0x01, 0xF0, 0x0B)
FIRST_DC = scan(0, 0, 0x01, "0")


@pytest.mark.parametrize(
    ("scans", "text"),
    [
        pytest.param([scan(0, 0, 0, "0"), scan(1, 63, 0, "01")], "passes the end", id="run"),
        pytest.param([scan(1, 63, 0, "0")], "1 to 63, bits 0 to 0, out of order", id="AC first"),
        pytest.param([FIRST_DC, FIRST_DC], "0 to 0, bits 0 to 1, out of order", id="DC twice"),
        pytest.param([scan(0, 0, 0x10, "0")], "bits 1 to 0, out of order", id="refined first"),
        pytest.param([scan(0, 0, 0x20, "0")], "bits 2 to 0 of 1 comp", id="two bits at once"),
        pytest.param([scan(0, 5, 0, "0")], "coefficients 0 to 5", id="DC with AC"),
        pytest.param([FIRST_DC], "leaves coefficients of component 1 unfinished", id="half DC"),
        pytest.param([scan(0, 0, 0, "0")], "component 1 unfinished", id="no AC"),
        pytest.param([FIRST_DC, scan(1, 63, 1, "1110 1111111111")], "means nothing", id="11 bits"),
        pytest.param([FIRST_DC, scan(1, 63, 1, "110" * 4)], "beyond the last", id="zeros"),
        pytest.param([FIRST_DC, scan(1, 63, 1, "11110000")], "no table has", id="illegal"),
        pytest.param([scan(0, 0, 0x0A, "10 11111111111")], "11 bits", id="shifted out of range"),
        pytest.param([scan(0, 0, 0x0A, "11")], "no table has", id="illegal DC"),
    ],
)
def test_damaged_progressive_streams_are_named(scans: list[bytes], text: str) -> None:
    data = stream(frame(0xC2), DC, RUNS, *scans)

    with pytest.raises(JpegError, match=text):
        read_jpeg(data)


def test_scans_are_counted() -> None:
    parts = [frame(0xC2), DC, RUNS, *[segment(0xDA, 1, 1, 0, 0, 0, 13) + b"\x7f"]]
    refining = [segment(0xDA, 1, 1, 0, k, k, 13) + b"\x40" for k in range(1, 64)] + [
        segment(0xDA, 1, 1, 0, k, k, (low + 1) << 4 | low) + b"\x40"
        for low in range(12, 0, -1)
        for k in range(1, 64)
    ]

    with pytest.raises(UnsupportedJpegError, match=f"more than {MAX_SCANS} scans"):
        read_jpeg(stream(*parts, huffman(1, 0), *refining))


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (b"\xff\xd1", b"\xff\xd2", "marker 0xd2 at byte .* after 2 of 7 restart intervals"),
        (b"\xff\xd1", b"\xff\xd9", "marker 0xd9 at byte .* after 2 of 7 restart intervals"),
        (b"\xff\xdd\0\4\0\3", b"\xff\xdd\0\4\0\4", "marker 0xd4 .* after 5 of 5 restart"),
        (b"\xff\xdd\0\4\0\3", b"\xff\xdd\0\4\0\0", "marker 0xd0 .* after 1 of 1 restart"),
    ],
)
def test_restart_markers_out_of_order_are_named(old: bytes, new: bytes, text: str) -> None:
    data = STREAMS["restarts"]
    assert data.count(old) == 1

    with pytest.raises(JpegError, match=text):
        read_jpeg(data.replace(old, new))


def test_a_hole_of_zeros_is_found() -> None:
    whole = saved(photo(300, 400), quality=95)
    middle = len(whole) // 2

    with pytest.raises(JpegError, match="minimum coded unit at row"):
        read_jpeg(whole[:middle] + bytes(5000) + whole[middle + 5000 :])


@pytest.mark.parametrize("name", STREAMS)
def test_a_huge_size_takes_no_memory(name: str) -> None:
    data = STREAMS[name]
    size = data.index(b"\xff\xc2" if "progressive" in name else b"\xff\xc0") + 5
    tracemalloc.start()

    for height, width in [(65535, 65535), (4096, 4096), (1000, 65535), (65535, 8)]:
        huge = data[:size] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[size + 4 :]
        with pytest.raises(JpegError):
            read_jpeg(huge)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A block takes a bit at least, and 128 bytes.
    assert peak < 2048 * len(data)


@hypothesis.given(
    st.sampled_from(sorted(STREAMS)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4),
    st.booleans(),
)
@hypothesis.settings(max_examples=400)
def test_any_damage_is_a_named_error_or_the_image_that_libjpeg_sees(
    name: str, changes: list[tuple[float, int]], in_headers: bool
) -> None:
    data = bytearray(STREAMS[name])
    end = data.index(b"\xff\xda") + 14 if in_headers else len(data)
    for place, value in changes:
        data[int(place * (end - 1))] = value

    try:
        description, coefficients = read_jpeg(bytes(data), max_blocks=20000)
        pixels = decode_pixels(
            description.frame, description.colour, description.steps, coefficients
        )
    except JpegError:
        return
    np.testing.assert_array_equal(pixels, libjpeg(bytes(data)))


@hypothesis.given(st.binary(max_size=300))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(JpegError):
        read_jpeg(b"\xff\xd8" + data)
