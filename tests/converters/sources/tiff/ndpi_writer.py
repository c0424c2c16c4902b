"""A writer of small NDPI files, for tests."""

import struct
from pathlib import Path

__all__ = ["write_ndpi"]

_SHORT, _LONG, _FLOAT = 3, 4, 11
_SIZES = {2: 1, _SHORT: 2, _LONG: 4, _FLOAT: 4}
_FORMATS = {_SHORT: "H", _LONG: "I", _FLOAT: "f"}


def write_ndpi(
    path: Path, jpeg: bytes, height: int, width: int, *, has_starts: bool = True
) -> None:
    """Write one level: a JPEG, and where the pieces between its restart markers begin.

    Offsets have 8 bytes where TIFF has 4, and the upper halves of values follow the directory.
    """
    starts = _starts(jpeg)
    entries: list[tuple[int, int, tuple[float, ...] | bytes]] = [
        *((256, _LONG, (width,)), (257, _LONG, (height,)), (258, _SHORT, (8, 8, 8))),
        *((259, _SHORT, (7,)), (262, _SHORT, (6,)), (271, 2, b"Hamamatsu\0")),
        *((273, _LONG, (12,)), (277, _SHORT, (3,)), (278, _LONG, (height,))),
        *((279, _LONG, (len(jpeg),)), (284, _SHORT, (1,)), (65420, _LONG, (1,))),
        (65421, _FLOAT, (20.0,)),
    ]
    if has_starts:
        entries.append((65426, _LONG, tuple(starts)))
    content, place, rows = jpeg, 12 + len(jpeg), b""
    for code, kind, values in entries:
        data = values if isinstance(values, bytes) else _packed(kind, values)
        count = len(data) // _SIZES[kind]
        if len(data) > 4:
            rows += struct.pack("<HHII", code, kind, count, place)
            content, place = content + data, place + len(data)
        else:
            rows += struct.pack("<HHI", code, kind, count) + data.ljust(4, b"\0")
    directory = struct.pack("<H", len(entries)) + rows + bytes(8) + bytes(4 * len(entries))
    path.write_bytes(b"II*\0" + struct.pack("<Q", place) + content + directory)


def _packed(kind: int, values: tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)


def _starts(jpeg: bytes) -> list[int]:
    """Return where entropy-coded data begin: after the scan's header and each restart marker."""
    scan = jpeg.index(b"\xff\xda")
    place = scan + 2 + int.from_bytes(jpeg[scan + 2 : scan + 4], "big")
    starts = [place]
    while (place := jpeg.index(b"\xff", place)) and jpeg[place + 1] != 0xD9:
        place += 2
        if 0xD0 <= jpeg[place - 1] <= 0xD7:
            starts.append(place)
    return starts
