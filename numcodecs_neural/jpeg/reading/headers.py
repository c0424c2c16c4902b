"""Frame and scan headers, and the colour of the components."""

from numcodecs_neural.errors import UnsupportedJpegError
from numcodecs_neural.jpeg.description import Colour, Component, Frame, Process, Scan
from numcodecs_neural.jpeg.huffman import HuffmanTable
from numcodecs_neural.jpeg.layout import MAX_UNIT_BLOCKS
from numcodecs_neural.jpeg.reading.segments import APP0, APP14, DNL, Segment
from numcodecs_neural.jpeg.reading.tables import Tables

__all__ = ["colour_of", "is_frame", "read_frame", "read_scan"]

_OTHER_PROCESSES = {
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical",
    0xC9: "arithmetic-coded",
    0xCA: "arithmetic-coded",
    0xCB: "arithmetic-coded",
    0xCD: "hierarchical",
    0xCE: "hierarchical",
    0xCF: "hierarchical",
    0xDE: "hierarchical",
    0xDF: "hierarchical",
    0xF7: "JPEG-LS",
}
_MAX_FACTOR = 4
_MAX_LOW = 13


def is_frame(segment: Segment) -> bool:
    """Return whether a segment is a frame header; raise where it is one of another kind of JPEG."""
    if segment.marker in _OTHER_PROCESSES:
        raise UnsupportedJpegError(f"JPEG stream is {_OTHER_PROCESSES[segment.marker]}")
    if segment.marker == DNL:
        raise UnsupportedJpegError("JPEG stream gives its height behind the image (DNL)")
    return segment.marker in tuple(Process)


def read_frame(segment: Segment) -> Frame:
    """Return the frame that a frame header declares."""
    content = segment.content
    if len(content) < 6 or len(content) != 6 + 3 * content[5]:
        raise segment.error(f"frame header has {len(content)} bytes, not 6 and 3 a component")
    precision, count = content[0], content[5]
    height, width = (int.from_bytes(content[n : n + 2], "big") for n in (1, 3))
    if precision != 8:
        raise UnsupportedJpegError(f"JPEG stream has {precision} bits a sample, not 8")
    if height == 0:
        raise UnsupportedJpegError("JPEG stream gives its height behind the image (DNL)")
    if width == 0:
        raise segment.error("the image has no columns")
    if count not in (1, 3):
        raise UnsupportedJpegError(f"JPEG stream has {count} components, not 1 or 3")
    components = tuple(
        Component(name, factors >> 4, factors & 15, table)
        for name, factors, table in zip(content[6::3], content[7::3], content[8::3], strict=True)
    )
    frame = Frame(Process(segment.marker), height, width, components)
    _check_components(segment, frame)
    return frame


def _check_components(segment: Segment, frame: Frame) -> None:
    if len({component.identifier for component in frame.components}) < len(frame.components):
        raise segment.error("two components have the same identifier")
    for component in frame.components:
        factors = component.horizontal, component.vertical
        if not all(1 <= factor <= _MAX_FACTOR for factor in factors):
            raise segment.error(f"sampling factors {factors} are not between 1 and {_MAX_FACTOR}")
        if frame.horizontal % factors[0] or frame.vertical % factors[1]:
            raise UnsupportedJpegError(
                f"JPEG stream has sampling factors {factors} below "
                f"({frame.horizontal}, {frame.vertical}): not a whole ratio"
            )
        if component.table > 3:
            raise segment.error(f"component names quantisation table {component.table}")


def read_scan(segment: Segment, frame: Frame, tables: Tables, head: bytes) -> Scan:
    """Return the scan that a scan header declares, with the tables it uses.

    `head` is all that precedes its entropy-coded data since the scan before.
    """
    content = segment.content
    if not content or len(content) != 4 + 2 * content[0]:
        raise segment.error(f"scan header has {len(content)} bytes, not 4 and 2 a component")
    count = content[0]
    positions = _positions(segment, frame, content[1 : 1 + 2 * count : 2])
    first, last, high, low = *content[-3:-1], content[-1] >> 4, content[-1] & 15
    _check_range(segment, frame, len(positions), (first, last, high, low))
    uses_dc, uses_ac = first == 0 and high == 0, last > 0
    dc, ac = [], []
    for selector in content[2 : 2 + 2 * count : 2]:
        dc.append(_table(segment, tables.dc, selector >> 4, "DC") if uses_dc else None)
        ac.append(_table(segment, tables.ac, selector & 15, "AC") if uses_ac else None)
    interval = tables.restart_interval
    return Scan(positions, tuple(dc), tuple(ac), first, last, high, low, interval, head)


def _positions(segment: Segment, frame: Frame, names: bytes) -> tuple[int, ...]:
    known = [component.identifier for component in frame.components]
    if not names or not set(names) <= set(known):
        raise segment.error(f"scan of components {list(names)}; the frame has {known}")
    positions = tuple(known.index(name) for name in names)
    if list(positions) != sorted(set(positions)):
        raise segment.error(f"scan has components {list(names)}, not in the order of the frame")
    blocks = sum(frame.components[n].horizontal * frame.components[n].vertical for n in positions)
    if len(positions) > 1 and blocks > MAX_UNIT_BLOCKS:
        raise segment.error(f"minimum coded unit has {blocks} blocks, more than {MAX_UNIT_BLOCKS}")
    return positions


def _check_range(
    segment: Segment, frame: Frame, count: int, values: tuple[int, int, int, int]
) -> None:
    first, last, high, low = values
    if frame.process is not Process.PROGRESSIVE:
        allowed = values == (0, 63, 0, 0)
    else:
        in_order = first == last == 0 or (0 < first <= last <= 63 and count == 1)
        allowed = in_order and low <= _MAX_LOW and high in (0, low + 1)
    if not allowed:
        raise segment.error(
            f"scan has coefficients {first} to {last}, bits {high} to {low} of {count} components"
        )


def _table(
    segment: Segment, tables: dict[int, HuffmanTable], number: int, kind: str
) -> HuffmanTable:
    if number not in tables:
        raise segment.error(f"{kind} table {number} is not defined")
    return tables[number]


def colour_of(frame: Frame, segments: list[Segment]) -> Colour:
    """Return what the components are, decided as libjpeg does: JFIF, then Adobe, then names."""
    if len(frame.components) == 1:
        return Colour.GREY
    jfif = _contents(segments, APP0, b"JFIF\0", 14)
    adobe = _contents(segments, APP14, b"Adobe", 12)
    if jfif:
        return Colour.YCBCR
    if adobe:
        return Colour.RGB if adobe[-1][11] == 0 else Colour.YCBCR
    names = bytes(component.identifier for component in frame.components)
    return Colour.RGB if names == b"RGB" else Colour.YCBCR


def _contents(segments: list[Segment], marker: int, begin: bytes, least: int) -> list[bytes]:
    """Return the contents of segments of a marker that begin like this and are long enough."""
    contents = [segment.content for segment in segments if segment.marker == marker]
    return [found for found in contents if found.startswith(begin) and len(found) >= least]
