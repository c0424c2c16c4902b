"""The context model over all components of a chunk, in either direction."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.coefficients.network import statuses
from numcodecs_neural.coefficients.network.parameters import (
    NAMES,
    Component,
    read_components,
)
from numcodecs_neural.coefficients.network.prepared import prepare
from numcodecs_neural.coefficients.network.room import new_room
from numcodecs_neural.coefficients.network.streams import Streams
from numcodecs_neural.coefficients.network.tables import HALVING
from numcodecs_neural.coefficients.network.twins import twin_of
from numcodecs_neural.compilation import uncompiled, use_numba
from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.weights.catalogue import coefficient_weights_by_id
from numcodecs_neural.weights.files import read_weights

__all__ = ["check_layout", "components_of", "run_model"]


@functools.lru_cache(maxsize=4)
def components_of(weights_id: bytes) -> dict[str, Component]:
    """Return the networks that weights of this id hold; WeightsError if there are none."""
    weights = coefficient_weights_by_id(weights_id)
    return read_components(read_weights(weights.path, sha256=weights.sha256))


def check_layout(layout: Layout) -> None:
    """Raise BitstreamError if the model has no networks for such components, or no such grids."""
    count, names = len(layout.planes), NAMES[layout.colour.value]
    if count != len(names):
        raise BitstreamError(
            f"JPEG chunk has {count} components in {layout.colour.value}; the network coder codes "
            f"{len(names)}"
        )
    shapes = [layout.planes[number].shape for number in _order(layout)]
    for later, shape in enumerate(shapes):
        for before in shapes[:later]:
            ratios = [divmod(large, small) for large, small in zip(before, shape, strict=True)]
            if any(left or ratio not in HALVING for ratio, left in ratios):
                raise BitstreamError(
                    f"JPEG chunk has blocks of {before[:2]} and then of {shape[:2]}; the network "
                    "coder codes components of as many blocks along a side as each before, a half "
                    "or a quarter"
                )


def _order(layout: Layout) -> tuple[int, ...]:
    """Return the components in the order of coding: green first where there is no luma."""
    return (1, 0, 2) if layout.colour.value == "rgb" else tuple(range(len(layout.planes)))


class _Known:
    """A component that was coded: its blocks, and what they are as twins of later ones."""

    def __init__(self, blocks: NDArray[np.int16], steps: NDArray[np.int64]) -> None:
        self._blocks, self._steps = blocks, steps
        self._twins: dict[tuple[int, ...], NDArray[np.int16]] = {}

    def twin(self, shape: tuple[int, ...]) -> NDArray[np.int16]:
        """Return the twin on a grid of blocks."""
        if shape not in self._twins:
            self._twins[shape] = twin_of(self._blocks, self._steps, *shape)
        return self._twins[shape]


def _twins(known: Sequence[_Known], shape: tuple[int, ...]) -> NDArray[np.int16]:
    """Return what was coded before, on the grid of a component: (others, rows, columns, 64)."""
    twins = np.empty((len(known), *shape, 64), np.int16)
    for number, component in enumerate(known):
        twins[number] = component.twin(shape)
    return twins


def run_model(
    layout: Layout,
    components: Mapping[str, Component],
    coefficients: Sequence[NDArray[np.int16]],
    streams: Streams,
) -> None:
    """Decode into `coefficients` what `streams` hold, or note there what encodes these.

    It returns early where `streams.progress` holds another status than DONE.
    """
    from numcodecs_neural.coefficients.network.blocks import code_blocks
    from numcodecs_neural.coefficients.network.layers import add_layer, add_layer_plainly

    kernel = code_blocks if use_numba() else uncompiled(code_blocks, {add_layer: add_layer_plainly})
    known: list[_Known] = []
    names = NAMES[layout.colour.value]
    for name, number in zip(names, _order(layout), strict=True):
        component, plane, blocks = components[name], layout.planes[number], coefficients[number]
        net = prepare(component, plane.steps)
        kernel(
            streams.decodes,
            net,
            new_room(blocks.shape[0], len(known)),
            blocks.reshape(-1),
            np.ascontiguousarray(plane.coded),
            _twins(known, blocks.shape[:2]),
            streams.words,
            streams.bits,
            streams.states,
            streams.notes,
            streams.plain,
            streams.progress,
        )
        if streams.progress[statuses.STATUS] != statuses.DONE:
            return
        known.append(_Known(blocks, np.array(plane.steps, np.int64)))
