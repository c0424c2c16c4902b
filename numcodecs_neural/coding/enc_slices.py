"""Images that are predicted from each other, such as the slices of a volume (SPEC.md, section 9.9).

What was decoded from such a payload before is known by what predictions leave of it, which lies
near multiples of steps: it gets the same predictions and symbols again.
"""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_dct import HEAD, LENGTH, PREDICTED, values_of
from numcodecs_neural.coding.enc_dct_task import (
    Angles,
    Coded,
    Known,
    Task,
    along,
    angle_bytes,
    axes_of,
    error_of,
    targets_of,
)
from numcodecs_neural.dct.context.enc_context import StreamWriter
from numcodecs_neural.dct.context.order import passes
from numcodecs_neural.dct.dec_steps import predicted
from numcodecs_neural.dct.enc_gains import write_predictions
from numcodecs_neural.dct.enc_prices import prices_of
from numcodecs_neural.dct.enc_slices import prediction_of, regained
from numcodecs_neural.dct.slices import FIRST_GAIN, Prediction, Slice, factors_of, order_of

__all__ = ["SPACING", "encode_slices"]

SPACING = 4
"""Of images that are predicted from one alone: 1 takes 1 % more bytes, and 8 no fewer."""

Coefficients = NDArray[np.int32]


def encode_slices(task: Task, *, predicts: bool = True) -> Coded:
    """Return images in one stream, predicted from each other, or all standing for themselves."""
    order = tuple(order_of(len(task.pixels), SPACING))
    fraction = task.model.pixel_fraction
    angles, _ = axes_of(task.pixels[0], task.coefficients[0], task.steps, fraction)
    images = [along(channels, angles)[0] for channels in task.coefficients]
    known = regained(images, order, task.steps) if predicts else None
    if known is None and angles is not None:
        angles = _axes_of_all(task)
        images = [along(channels, angles)[0] for channels in task.coefficients]
    loop = _Loop(task, angles, images, price=task.price if known is None else 0)
    for at, slice in enumerate(order):
        chosen = loop.choice(slice) if predicts and known is None else None
        loop.add(slice, chosen if known is None else known[at])
    gains = write_predictions(loop.predictions, order, len(passes(len(task.steps))))
    payload = HEAD.pack(PREDICTED, SPACING, 0) + HEAD.pack(*task.quantisation) + angle_bytes(angles)
    payload += LENGTH.pack(len(gains)) + gains + loop.writer.stream()
    return Coded(
        payload=payload,
        error=loop.error,
        is_decoded=known is not None,
        images=[Known(loop.values[number], loop.matrices, None) for number in range(len(images))],
    )


def _axes_of_all(task: Task) -> Angles:
    """Return the axes of all images, as if they were one above the other."""
    n, channels, height, width = task.pixels.shape
    tall = task.pixels.transpose(1, 0, 2, 3).reshape(channels, n * height, width)
    fraction = task.model.pixel_fraction
    return axes_of(tall, np.concatenate(task.coefficients), task.steps, fraction)[0]


class _Loop:
    """Codes one image after the other, each predicted from what those before decode to.

    Parameters
    ----------
    task : Task
    angles : Angles
    images : sequence of (h, w, C, 256) int32
        Along the axes of colour.
    price : float
    """

    def __init__(
        self, task: Task, angles: Angles, images: list[Coefficients], *, price: float
    ) -> None:
        self._steps, self._images, self._price = task.steps, images, price
        self._masking = task.masking
        self.matrices = along(task.coefficients[0][:1, :1], angles)[1]
        self.writer = StreamWriter(task.steps, self.matrices, task.model.context)
        self.predictions: list[Prediction | None] = []
        self.error = 0
        self.values: dict[int, NDArray[np.int16]] = {}
        self._gains = np.full(len(passes(len(task.steps))), FIRST_GAIN)

    def choice(self, slice: Slice) -> Prediction | None:
        """Return what takes most off an image."""
        if not slice.references:
            return None
        references = [self.values[number] for number in slice.references]
        image = self._images[slice.number]
        return prediction_of(image, references, self._steps, self._gains, self._price)

    def add(self, slice: Slice, prediction: Prediction | None) -> None:
        """Code an image."""
        rest = self._images[slice.number]
        if prediction is not None:
            first, second = (self.values[slice.references[at]] for at in (0, -1))
            rest = rest - predicted((first, second), factors_of(prediction, len(self._steps)))
            self._gains = prediction.gains
        targets = targets_of(rest, self._steps)
        prices = prices_of(self._images[slice.number], self._price, self._masking)
        symbols = self.writer.add(targets, prices)
        self.values[slice.number] = values_of(symbols, self._steps, slice, prediction, self.values)
        self.predictions.append(prediction)
        self.error += error_of(targets, symbols)
