"""Small models of colour axes and DCT, with arbitrary numbers: nothing but the format counts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.context.model import KIND, VERSION

Arrays = dict[str, NDArray[Any]]

BLOCK = 16


@dataclass(frozen=True, kw_only=True)
class SmallContext:
    """What a small model has; `width` is that of both layers."""

    channels: int = 1
    pixel_fraction: int = 4
    width: int = 16
    seed: int = 0
    stride: int = BLOCK

    def contents(self) -> tuple[tuple[dict[str, Any], Arrays], tuple[dict[str, Any], Arrays]]:
        """Description and arrays of decoder and encoder; the digest in the latter is zeros."""
        described = {
            "kind": KIND,
            "version": VERSION,
            "axes": self.channels,
            "pixel_fraction": self.pixel_fraction,
        }
        steps = np.rint(6144 * 32.0 ** (-np.arange(101) / 100)).astype(np.int32)
        encoder = {"kind": "context-encoder", "decoder_sha256": "0" * 64, "price": 30}
        return (described, self._arrays()), (encoder, {"base": steps})

    def _arrays(self) -> Arrays:
        rng = np.random.default_rng(self.seed)
        axes, passes, w = self.channels, 11 * self.channels, self.width

        def draw(reach: int, *shape: int) -> NDArray[np.int64]:
            return rng.integers(-reach, reach, shape, endpoint=True)

        arrays = {
            "spread": draw(30, passes, 9, w),
            "own": draw(300, passes, 4, w),
            "bias": draw(50_000, passes, w),
            "bias_steps": draw(3000, passes, 4, w),
            "layer": draw(900, passes, w, w),
            "layer_bias": draw(90_000, passes, w),
            "flag": draw(90, passes, w),
            "flag_bias": draw(9000, passes),
            "heads": draw(5000, axes, 256, w),
            "elements": rng.integers(0, 40, (axes, 256, 16)),
            "floors": rng.integers(1, 90, (axes, 256)),
            "slopes": rng.integers(100, 600, (axes, 256)),
            "base": rng.integers(1000, 1500, (axes, 256)),
            "base_steps": draw(300, 2, axes, 256),
            "means": draw(700, axes, 71),
            "tables": np.concatenate([_tables(family) for family in range(9)]),
            "flag_tables": np.rint(16384 / (1 + np.exp((32 - np.arange(64)) / 5))).clip(1, 16383),
            "raw_bits": np.maximum(np.arange(64) // 5 - 4, 0),
        }
        return {name: array.astype(np.int32) for name, array in arrays.items()}


def _tables(family: int) -> NDArray[np.int64]:
    """Return 64 rows, from narrow to wide: of magnitudes, or of symbols around the eighth entry."""
    index = np.arange(64)[:, None]
    size = np.arange(16) if family < 4 else np.abs(np.arange(16) - 7)
    share = np.exp(-size / 1.1 ** (np.minimum(index, 24) - 12 + family))
    counts = 1 + np.floor(16368 * share / share.sum(1, keepdims=True)).astype(np.int64)
    counts[np.arange(64), counts.argmax(1)] += 16384 - counts.sum(1)
    return np.asarray(counts)
