"""JPEG 2000 codestreams: checks for holes, which decoders fill with garbage and say nothing."""

import re
import struct
from collections.abc import Iterator

__all__ = ["check_jpeg2000"]

_SOC_SIZ = b"\xff\x4f\xff\x51"
_COD, _SOT, _SOD, _EOC = 0xFF52, 0xFF90, 0xFF93, 0xFFD9
# In the data of a tile 0xFF is followed by at most 0x8F, but for markers of packets (SOP, EPH).
_FOREIGN = re.compile(rb"\xff[\x90\x93-\xff]")
# Coded bits look like noise; a packet that holds nothing is a byte of 0.
_MAX_ZEROS = 128


def check_jpeg2000(data: bytes) -> None:
    """Raise ValueError unless the tiles of a codestream look like coded data throughout.

    OpenJPEG decodes whatever bytes a tile has. A hole of zeros, or other data in it, show
    nevertheless: they hold bytes, or numbers of bytes, that no encoder writes.

    Parameters
    ----------
    data : bytes
        A codestream, or a JP2 file.
    """
    begin = data.find(_SOC_SIZ)
    if begin < 0:
        return  # the decoder says what this is
    packets = 0
    for marker, place, end in _parts(data, begin + 2):
        if marker == _COD:
            packets = _packets(data, begin, place)
        elif marker == _SOD:
            _check_body(data, place, end, packets)


def _parts(data: bytes, place: int) -> Iterator[tuple[int, int, int]]:
    """Yield marker, begin and end of each segment; of a tile's data under the marker before it."""
    tile_end = len(data)
    while place + 2 <= len(data):
        marker = _u16(data, place)
        if marker == _EOC:
            return
        if marker >> 8 != 0xFF:
            raise ValueError(f"byte {place} of its JPEG 2000 data is no marker, where one belongs")
        if marker == _SOT:
            size = int.from_bytes(data[place + 6 : place + 10], "big")
            # The last part of a tile may leave its size open.
            tile_end = place + size if size else len(data)
        end = tile_end if marker == _SOD else place + 2 + _u16(data, place + 2)
        yield marker, place + 2, min(end, len(data))
        place = max(end, place + 2)


def _check_body(data: bytes, begin: int, end: int, packets: int) -> None:
    body = data[begin:end]
    # Where the size is open, the end marker is in it.
    body = body[:-2] if body.endswith(b"\xff\xd9") else body
    foreign = _FOREIGN.search(body)
    if foreign is not None:
        raise ValueError(
            f"byte {begin + foreign.start()} of its JPEG 2000 data is {foreign[0].hex()}, which "
            "no encoder writes there"
        )
    hole = packets + _MAX_ZEROS
    zeros = body.find(bytes(hole)) if hole <= len(body) else -1
    if zeros >= 0:
        raise ValueError(f"its JPEG 2000 data have a hole of zeros from byte {begin + zeros}")


def _packets(data: bytes, begin: int, style: int) -> int:
    """Return about how many packets each tile has at most: layers, components, resolutions."""
    if len(data) < max(begin + 42, style + 45):
        return 0
    right, bottom, _, _, tile_width, tile_height = struct.unpack_from(">6I", data, begin + 8)
    width, height = min(right, tile_width), min(bottom, tile_height)
    components = _u16(data, begin + 40)
    layers, levels = _u16(data, style + 4), data[style + 7]
    precincts = 0
    for resolution in range(levels + 1):
        sides = (15, 15)
        if data[style + 2] & 1:
            stated = data[style + 12 + resolution]
            sides = stated & 15, stated >> 4
        across, down = (
            (side >> (levels - resolution) >> power) + 2
            for side, power in zip((width, height), sides, strict=True)
        )
        precincts += across * down
    return layers * components * precincts


def _u16(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 2], "big")
