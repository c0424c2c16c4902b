"""Entropy coding: integers to bytes and back, by integer tables and interleaved rANS."""

from numcodecs_neural.entropy.dec_stream import SymbolDecoder, encode_symbols
from numcodecs_neural.entropy.enc_quantizer import Quantized, quantize
from numcodecs_neural.entropy.tables import PRECISION_BITS, SKIP, SymbolTables, tables_from_counts

__all__ = [
    "PRECISION_BITS",
    "SKIP",
    "Quantized",
    "SymbolDecoder",
    "SymbolTables",
    "encode_symbols",
    "quantize",
    "tables_from_counts",
]
