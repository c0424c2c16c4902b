"""Latents from the entropy coder, on their way to the networks (SPEC.md, section 6.3)."""

from __future__ import annotations

from typing import Any

from numcodecs_neural.networks.dec_model import FRACTION_BITS, LATENT_LIMIT

__all__ = ["HALF_STEP", "latents_of"]

HALF_STEP = 1 << (FRACTION_BITS - 1)
"""Half a quantisation step, in sixteenths of a step."""

_MOST_HALVES = 2 * (LATENT_LIMIT // HALF_STEP)  # keeps the product within 32 bits


def latents_of(halves: Any, mean: Any) -> Any:
    """Return latents in sixteenths of a step, limited: tensors of int32 of any backend.

    Parameters
    ----------
    halves : tensor of int32
        Halves of a step, as the entropy coder gives them.
    mean : tensor of int32 or 0
        What was predicted, in sixteenths of a step.
    """
    latents = HALF_STEP * halves.clip(-_MOST_HALVES, _MOST_HALVES) + mean
    return latents.clip(-LATENT_LIMIT, LATENT_LIMIT)
