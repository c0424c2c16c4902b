"""Weights: which there are, what they can code, and their files, checked by digest."""

from numcodecs_neural.weights.catalogue import (
    WeightsInfo,
    by_id,
    card,
    catalogue,
    exact_weights,
    exact_weights_by_id,
    file_digest,
    resolve,
)
from numcodecs_neural.weights.files import WeightsFile, load_decoder, load_encoder

__all__ = [
    "WeightsFile",
    "WeightsInfo",
    "by_id",
    "card",
    "catalogue",
    "exact_weights",
    "exact_weights_by_id",
    "file_digest",
    "load_decoder",
    "load_encoder",
    "resolve",
]
