"""Tables and settings that segments define for the scans after them."""

from dataclasses import dataclass, field

import numpy as np

from numcodecs_neural.errors import JpegError
from numcodecs_neural.jpeg.description import NATURAL_ORDER
from numcodecs_neural.jpeg.huffman import HuffmanTable
from numcodecs_neural.jpeg.reading.segments import DHT, DQT, DRI, Segment

__all__ = ["Tables"]

_MAX_DC_SYMBOL = 15


@dataclass
class Tables:
    """What has been defined up to a place in the stream; later definitions replace earlier ones."""

    steps: dict[int, tuple[int, ...]] = field(default_factory=dict)
    dc: dict[int, HuffmanTable] = field(default_factory=dict)
    ac: dict[int, HuffmanTable] = field(default_factory=dict)
    restart_interval: int = 0

    def read(self, segment: Segment) -> None:
        """Take in a segment; one that defines nothing here changes nothing."""
        if segment.marker == DQT:
            self._read_steps(segment)
        elif segment.marker == DHT:
            self._read_huffman(segment)
        elif segment.marker == DRI:
            if len(segment.content) != 2:
                raise segment.error(f"restart interval has {len(segment.content)} bytes, not 2")
            self.restart_interval = int.from_bytes(segment.content, "big")

    def _read_steps(self, segment: Segment) -> None:
        content = segment.content
        while content:
            wide, number = content[0] >> 4, content[0] & 15
            if wide > 1 or number > 3:
                raise segment.error(f"no quantisation table begins with {content[0]:#04x}")
            size = 64 << wide
            if len(content) <= size:
                raise segment.error("ends within a quantisation table")
            steps = np.zeros(64, np.uint16)
            steps[NATURAL_ORDER] = np.frombuffer(content, ">u2" if wide else "u1", 64, 1)
            if not steps.all():
                raise segment.error(f"quantisation table {number} has a step of 0")
            self.steps[number] = tuple(steps.tolist())
            content = content[1 + size :]

    def _read_huffman(self, segment: Segment) -> None:
        content = segment.content
        while content:
            kind, number = content[0] >> 4, content[0] & 15
            if kind > 1 or number > 3:
                raise segment.error(f"no Huffman table begins with {content[0]:#04x}")
            counts = tuple(content[1:17])
            end = 17 + sum(counts)
            if len(content) < max(end, 17) or sum(counts) > 256:
                raise segment.error(f"Huffman table of {sum(counts)} codes does not fit into it")
            table = HuffmanTable(counts, content[17:end])
            try:
                table.check()
            except JpegError as error:
                raise segment.error(str(error)) from None
            if kind == 0 and max(table.symbols, default=0) > _MAX_DC_SYMBOL:
                raise segment.error(f"DC table {number} has a symbol above {_MAX_DC_SYMBOL}")
            (self.ac if kind else self.dc)[number] = table
            content = content[end:]
