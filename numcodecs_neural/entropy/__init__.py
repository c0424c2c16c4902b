"""Entropy coding: integers to bytes and back, by integer tables and interleaved rANS.

Decoding (``dec_*``, and modules without a prefix) is frozen. Encoding (``enc_*``) may change with
every release.
"""

from numcodecs_neural.entropy.dec_stream import SymbolDecoder
from numcodecs_neural.entropy.tables import PRECISION_BITS, SKIP, SymbolTables

__all__ = ["PRECISION_BITS", "SKIP", "SymbolDecoder", "SymbolTables"]
