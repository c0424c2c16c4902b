"""A writer of small CZI files, for tests: segments, directory and metadata as ZEN lays them out."""

import struct
from dataclasses import dataclass, field
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

PIXEL_TYPES = {
    ("uint8", 1): 0,
    ("uint16", 1): 1,
    ("uint8", 3): 3,
    ("uint16", 3): 4,
    ("uint8", 4): 9,
}
RAW, JPEG, LZW, JPEGXR, ZSTD, ZSTD_WITH_HEADER = 0, 1, 2, 4, 5, 6


@dataclass
class Tile:
    """A sub-block: pixels (y, x) or RGB (y, x, 3), and where they lie in level 0.

    `scale` is how many pixels of level 0 one of its own is wide; `place` the index on axes such as
    ``C``, ``Z``, ``S`` and ``M``.
    """

    pixels: NDArray[np.generic]
    y: int = 0
    x: int = 0
    scale: int = 1
    compression: int = RAW
    place: dict[str, int] = field(default_factory=dict)


def write_czi(
    path: Path, tiles: list[Tile], *, xml: str = "", attachments: dict[str, bytes] | None = None
) -> None:
    """Write a file of tiles, with other CZI files inside it by their names."""
    file = bytearray(_segment("ZISRAWFILE", bytes(512)))
    entries = []
    for tile in tiles:
        entry = _entry(tile, len(file))
        entries.append(entry)
        data = _encode(tile)
        head = struct.pack("<iiq", 0, 0, len(data)) + entry
        file += _segment("ZISRAWSUBBLOCK", head + bytes(max(256 - len(head), 0)) + data)
    directory = len(file)
    file += _segment("ZISRAWDIRECTORY", struct.pack("<i124x", len(entries)) + b"".join(entries))
    metadata = len(file)
    text = f"<ImageDocument>{xml}</ImageDocument>".encode()
    file += _segment("ZISRAWMETADATA", struct.pack("<ii248x", len(text), 0) + text)
    names = []
    for name, content in (attachments or {}).items():
        names.append(struct.pack("<2s10xqi16x8s80s", b"A1", len(file), 0, b"CZI", name.encode()))
        head = struct.pack("<i12x", len(content)) + names[-1] + bytes(112)
        file += _segment("ZISRAWATTACH", head + content)
    inside = len(file)
    file += _segment("ZISRAWATTDIR", struct.pack("<i252x", len(names)) + b"".join(names))
    header = struct.pack("<ii8x16x16xiqqiq", 1, 0, 0, directory, metadata, 0, inside)
    file[32 : 32 + len(header)] = header
    path.write_bytes(file)


def _segment(kind: str, data: bytes) -> bytes:
    return struct.pack("<16sqq", kind.encode(), len(data), len(data)) + data


def _entry(tile: Tile, offset: int) -> bytes:
    height, width = tile.pixels.shape[:2]
    samples = tile.pixels.shape[2] if tile.pixels.ndim == 3 else 1
    kind = PIXEL_TYPES[str(tile.pixels.dtype), samples]
    dimensions = [
        ("X", tile.x, width * tile.scale, width),
        ("Y", tile.y, height * tile.scale, height),
        *((axis, index, 1, 0) for axis, index in tile.place.items()),
    ]
    pyramid = 0 if tile.scale == 1 else 2
    entry = struct.pack(
        "<2siqiiB5xi", b"DV", kind, offset, 0, tile.compression, pyramid, len(dimensions)
    )
    for axis, start, size, stored in dimensions:
        entry += struct.pack("<4siifi", axis.encode(), start, size, 0.0, stored)
    return entry


def _encode(tile: Tile) -> bytes:
    if tile.compression == JPEG:
        return bytes(imagecodecs.jpeg_encode(tile.pixels, level=95))
    if tile.compression == JPEGXR:
        return bytes(imagecodecs.jpegxr_encode(tile.pixels, level=1.0))
    raw = tile.pixels
    if raw.ndim == 3:
        # Colours are stored as blue, green, red, alpha.
        raw = raw[..., [2, 1, 0, 3][: raw.shape[2]]]
    data = np.ascontiguousarray(raw).tobytes()
    if tile.compression == LZW:
        return bytes(imagecodecs.lzw_encode(data))
    if tile.compression == ZSTD:
        return bytes(imagecodecs.zstd_encode(data))
    if tile.compression == ZSTD_WITH_HEADER:
        halves = np.frombuffer(data, np.uint8).reshape(-1, raw.dtype.itemsize)
        is_split = raw.dtype.itemsize == 2
        header = bytes((3, 1, 1)) if is_split else bytes((1,))
        return header + bytes(imagecodecs.zstd_encode(np.ascontiguousarray(halves.T).tobytes()))
    return data
