"""CompressAI's models from arrays, their entropy tables, and back to arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from numcodecs_neural.compressai.architectures import ARCHITECTURES
from numcodecs_neural.compressai.library import load_library
from numcodecs_neural.errors import WeightsError

__all__ = ["MIN_CHANNELS", "arrays_of", "build_model", "update_tables"]

MIN_CHANNELS = 4
"""Below, a stream may be shorter than CompressAI's encoder takes for granted."""


def build_model(arch: str, arrays: Mapping[str, NDArray[Any]], *, source: str) -> Any:
    """Return the model (a ``torch.nn.Module``) whose state dict is `arrays`; it is in eval mode.

    The numbers of channels are found in the arrays.

    Raises
    ------
    WeightsError
        If they are not the state dict of this architecture, or not finite. `source` is named.
    MissingDependencyError
        If CompressAI cannot be imported.
    """
    model_class = load_library().models[arch]
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise WeightsError(f"{source} cannot be used: {name} holds numbers that are not finite")
    state = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    try:
        # Its layers are made with random numbers before they are filled, which nobody should see.
        with torch.random.fork_rng(devices=[]):
            net = model_class.from_state_dict(state)
    except (KeyError, RuntimeError, ValueError, IndexError, TypeError) as exc:
        # What torch says of it has a line for each array.
        raise WeightsError(
            f"{source} is no {arch} model: name the architecture that it was trained as, one of "
            f"{', '.join(ARCHITECTURES)}"
        ) from exc
    if min(net.N, net.M) < MIN_CHANNELS:
        raise WeightsError(
            f"{source} is a model of {net.N} and {net.M} channels; the least are {MIN_CHANNELS}"
        )
    return net.requires_grad_(requires_grad=False).eval()


def update_tables(net: Any, *, source: str) -> None:
    """Make the tables of the entropy coder from the trained parameters.

    Tables that a checkpoint brings are replaced, as CompressAI does when it evaluates: they may
    be older than its weights.

    Raises
    ------
    WeightsError
        If the parameters give no tables.
    """
    try:
        net.update(force=True)
    except (RuntimeError, ValueError, IndexError) as exc:
        raise WeightsError(f"the entropy model of {source} gives no tables: {exc}") from exc


def arrays_of(net: Any) -> dict[str, NDArray[Any]]:
    """Return the state dict as arrays, tables included."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in net.state_dict().items()}
