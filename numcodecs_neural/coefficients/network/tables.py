"""Fixed tables of the context model: probabilities of flags, running means, borders, halving.

A log-scale counts eighths of a natural logarithm from -3.5 on: number `i` stands for the scale
``exp((i - 28) / 8)``, in quantisation steps. The entries are rounded from formulas; `DIGEST` is the
SHA-256 of all of them, which each weights file repeats, so that no machine decodes with others.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BASIS",
    "DIGEST",
    "EXTRAPOLATED",
    "HALVING",
    "INVERSE_SCALE",
    "LOGISTIC",
    "LOGISTIC_LIMIT",
    "LOG_GROUP_SIZE",
    "LOG_SCALES",
    "LOG_SCALE_ZERO",
    "MAX_RATIO",
    "OCTAVE",
    "OUTERMOST",
    "RATES",
    "ZERO_PROBABILITY",
]

Integers = NDArray[np.int64]


def _rounded(values: object) -> Integers:
    rounded: Integers = np.rint(np.asarray(values)).astype(np.int64)
    return rounded


LOG_SCALES = 85
LOG_SCALE_ZERO = 28
OCTAVE = 5909
"""One step of log-scales is so many octaves, in 2^-15."""
MAX_RATIO = 39
"""The scale of the wider logistic is at most so many eighths above that of the narrower one."""

LOGISTIC_LIMIT = 4096
LOGISTIC = _rounded(32768 / (1 + np.exp(-np.arange(-LOGISTIC_LIMIT, LOGISTIC_LIMIT + 1) / 256)))
"""2^15 times the logistic function of -16 to 16, in steps of 1/256."""

ZERO_PROBABILITY = np.clip(_rounded(32768 / (1 + np.exp(-np.arange(-320, 320) / 32))), 8, 32760)
"""2^15 times the probability that nothing follows in a block, for a logit of -10 to 10."""

_log_scale = (np.arange(LOG_SCALES + MAX_RATIO) - LOG_SCALE_ZERO) / 8
INVERSE_SCALE = _rounded(2**18 / np.exp(_log_scale))
"""2^18 over each scale."""

RATES = np.maximum(_rounded(65536 / (np.arange(400) + 1.5)), 164)
"""2^16 times the weight of a block in the running means; the last one holds from there on."""

_k, _x = np.arange(8)[:, None], np.arange(8)[None]
BASIS = np.where(_k, 1.0, np.sqrt(0.5)) / 2 * np.cos((2 * _x + 1) * _k * np.pi / 16)
OUTERMOST = _rounded(4096 * BASIS[:, 0])
"""2^12 times the basis functions of the DCT in the sample beside the border."""
EXTRAPOLATED = _rounded(4096 * (1.5 * BASIS[:, 0] - 0.5 * BASIS[:, 1]))
"""The same half a sample further, on the border itself, by the line through two samples."""


def _halving(count: int) -> Integers:
    """Return 2^12 times the matrix from `count` blocks side by side to the block of their means."""
    means = np.kron(np.eye(8), np.ones((1, count)) / count)
    return _rounded(4096 * (BASIS @ means @ np.kron(np.eye(count), BASIS.T)))


HALVING = {count: _halving(count) for count in (1, 2, 4)}

_GROUP_SIZES = np.arange(1, 64)
LOG_GROUP_SIZE = _rounded(256 * np.log2(np.concatenate([[1], _GROUP_SIZES])))
"""256 log2 of 0 (here 0) to 63."""

_all = (LOGISTIC, ZERO_PROBABILITY, INVERSE_SCALE, RATES, OUTERMOST, EXTRAPOLATED)
_more = (*HALVING.values(), LOG_GROUP_SIZE)
DIGEST = hashlib.sha256(b"".join(t.astype("<i8").tobytes() for t in _all + _more)).hexdigest()
