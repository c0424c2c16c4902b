"""The worked symbol stream of SPEC.md, decoded and encoded by this package.

Its chunks are among the vectors of conformance/, which both decoders have to decode.
"""

import numpy as np

from make_vectors import example
from numcodecs_neural.entropy import SymbolDecoder, SymbolTables
from numcodecs_neural.entropy.enc_stream import encode_symbols

STREAM = example("A symbol stream")


def test_stream_example_holds_the_symbols_it_describes() -> None:
    tables = SymbolTables(
        offset=np.array([-1, 0], np.int32),
        size=np.array([4, 3], np.int32),
        frequency=np.array([[4096, 8192, 4095, 1], [16300, 83, 1, 0]], np.uint16),
    )
    indexes = np.array([0, 0, 255, 0, 1, 1, 0], np.uint8)

    decoder = SymbolDecoder(STREAM)
    symbols = decoder.decode(indexes, tables)
    decoder.finish()

    assert symbols.tolist() == [0, -1, 0, 1, 0, 9, -3]
    assert encode_symbols([(symbols, indexes, tables)], lanes=2) == STREAM
