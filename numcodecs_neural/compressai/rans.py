"""Streams of symbols, coded by CompressAI with tables that were made at import."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compressai.library import load_library
from numcodecs_neural.errors import NumericsError, WeightsError

__all__ = ["MAX_SYMBOL", "StreamReader", "Tables"]

MAX_SYMBOL = 1 << 24
"""Largest absolute value of a symbol; the coder takes up to 30 bits."""

_TOTAL = 1 << 16

Symbols = NDArray[np.int32]


class Tables:
    """The CDF tables of one entropy model of CompressAI.

    Its coder checks no index and no table, so both are checked here.

    Parameters
    ----------
    model : compressai.entropy_models.EntropyModel

    Raises
    ------
    WeightsError
        If the tables are absent, or would lead the coder out of them.
    """

    def __init__(self, model: Any) -> None:
        cdf = model._quantized_cdf.cpu().numpy()
        lengths, offsets = (x.cpu().numpy() for x in (model._cdf_length, model._offset))
        _check(cdf, lengths, offsets)
        self._rows = [row[:length].tolist() for row, length in zip(cdf, lengths, strict=True)]
        self._lengths, self._offsets = lengths.tolist(), offsets.tolist()

    def __len__(self) -> int:
        return len(self._rows)

    def encode(self, symbols: Symbols, indexes: NDArray[np.int64]) -> bytes:
        """Return the stream of `symbols`, each coded by the table of its index.

        Raises
        ------
        NumericsError
            If a symbol is beyond `MAX_SYMBOL`: the network gave no sensible latents.
        """
        if symbols.size and np.abs(symbols.astype(np.int64)).max() > MAX_SYMBOL:
            raise NumericsError(
                f"the network gives latents beyond {MAX_SYMBOL}, which cannot be coded: is the "
                "model trained?"
            )
        local, *tables = self.select(indexes)
        stream: bytes = (
            load_library().encoder().encode_with_indexes(symbols.ravel().tolist(), local, *tables)
        )
        return stream

    def decode(self, stream: bytes, indexes: NDArray[np.int64]) -> Symbols:
        """Return the symbols of a stream, in the shape of `indexes`."""
        return StreamReader(self, stream, indexes.size).read(indexes)

    def select(self, indexes: NDArray[np.int64]) -> tuple[list[int], ...]:
        """Return indexes into the tables that occur, and those: the coder copies all it is given.

        Returns
        -------
        indexes, tables, lengths, offsets : list
        """
        used, local = np.unique(indexes, return_inverse=True)
        picked = [
            [values[i] for i in used] for values in (self._rows, self._lengths, self._offsets)
        ]
        return (local.ravel().tolist(), *picked)


class StreamReader:
    """Reads a stream part by part, where the table of a symbol depends on the ones before.

    Parameters
    ----------
    tables : Tables
    stream : bytes
    count : int
        How many symbols will be read in all.
    """

    def __init__(self, tables: Tables, stream: bytes, count: int) -> None:
        self._tables = tables
        self._decoder = load_library().decoder()
        # The decoder reads on behind the end of a stream whose symbols it mistakes. What a byte
        # can make it read is bounded, so it stays within these zeros until the checksum tells.
        self._decoder.set_stream(stream + bytes(16 * len(stream) + 32 * count + 4096))

    def read(self, indexes: NDArray[np.int64]) -> Symbols:
        """Return the next symbols, in the shape of `indexes`."""
        values = self._decoder.decode_stream(*self._tables.select(indexes))
        return np.array(values, np.int32).reshape(indexes.shape)


def _check(cdf: NDArray[Any], lengths: NDArray[Any], offsets: NDArray[Any]) -> None:
    if cdf.ndim != 2 or not len(cdf) or not lengths.shape == offsets.shape == (len(cdf),):
        raise WeightsError(
            f"the model has entropy tables of shape {cdf.shape} with {lengths.size} lengths and "
            f"{offsets.size} offsets: import its checkpoint again"
        )
    for number, (row, length) in enumerate(zip(cdf, lengths, strict=True)):
        used = row[: max(length, 0)].astype(np.int64)
        is_sound = 2 <= length <= len(row) and used[0] == 0 and used[-1] == _TOTAL
        if not is_sound or (np.diff(used) <= 0).any():
            raise WeightsError(f"entropy table {number} of the model is no table: import it again")
    if np.abs(offsets.astype(np.int64)).max() > MAX_SYMBOL:
        raise WeightsError(f"the model has entropy tables that begin beyond {MAX_SYMBOL}")
