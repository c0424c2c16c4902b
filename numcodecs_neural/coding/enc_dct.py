"""Pixels through DCT and context model to payloads of the lossy mode (SPEC.md, section 9).

An image that was decoded from a chunk of this quality before is known by its coefficients, which
lie near multiples of their steps along some axes of colour: it gets these axes and symbols again.
So generations lose next to nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_dct import BLOCK, HEAD, LENGTH, MAX_BLOCKS, DctModel
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
from numcodecs_neural.coding.enc_slices import encode_slices
from numcodecs_neural.dct import enc_forward, enc_grey, enc_grid
from numcodecs_neural.dct.colour import matrices_of
from numcodecs_neural.dct.context.enc_context import encode
from numcodecs_neural.dct.enc_contrast import MOST_OCTAVES, finer, octaves_below
from numcodecs_neural.dct.enc_prices import prices_of
from numcodecs_neural.dct.steps import Quantisation, steps_of
from numcodecs_neural.errors import ConfigError, WeightsError
from numcodecs_neural.networks.dec_model import QUALITIES
from numcodecs_neural.networks.description import Pixels
from numcodecs_neural.weights import WeightsFile

__all__ = [
    "TUNINGS",
    "DctEncoder",
    "Encoded",
    "Tuning",
    "cheapest",
    "encode_images",
    "grey_choices",
    "padded",
    "tuning_of",
]

_STREAM_BYTES = 36
"""What a stream takes more than its symbols: its length, the number of words, and the states, which
hold some bits of symbols."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a chunk's steps and symbols are chosen for.

    Parameters
    ----------
    slope, chroma : int
        As `Quantisation` has them.
    gain : int
        Base step in 256ths of the quality's, so that a quality means about the same size.
    price : float
        What a bit is worth, by the encoder's own price.
    masking : float
        By how much it is worth more in busy blocks: see `enc_prices`.
    """

    slope: int
    chroma: int
    gain: int
    price: float
    masking: float


TUNINGS: Mapping[str, Tuning] = MappingProxyType(
    {
        "psnr": Tuning(slope=7, chroma=16, gain=256, price=1, masking=0),
        "ssim": Tuning(slope=4, chroma=22, gain=254, price=0.95, masking=0.65),
        "ms-ssim": Tuning(slope=36, chroma=14, gain=158, price=1.25, masking=0.75),
    }
)
"""By the measure that they serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DctEncoder:
    """What an encoder knows besides the decoder's model; free to change between releases.

    Parameters
    ----------
    base : (101,) int64
        Base step of each quality, in 64ths of a grey level.
    price : int
        What a bit is worth, in 256ths of a squared step.
    """

    base: NDArray[np.int64]
    price: int

    @classmethod
    def from_file(cls, file: WeightsFile, decoder_sha256: str) -> "DctEncoder":
        """Read an encoder file.

        Raises
        ------
        WeightsError
            If the file lacks something, or belongs to another decoder.
        """
        described = file.description
        if described.get("kind") != "context-encoder":
            raise WeightsError("the file holds no encoder of a context model")
        if described.get("decoder_sha256") != decoder_sha256:
            raise WeightsError("the encoder file belongs to other decoder weights")
        base = file.arrays.get("base")
        if base is None or base.shape != (QUALITIES,) or base.min() < 1:
            raise WeightsError(f"the encoder file has no base steps of {QUALITIES} qualities")
        return cls(base=base.astype(np.int64), price=int(described["price"]))

    def quantisation(self, quality: int, tune: str) -> Quantisation:
        """Return the steps that a quality stands for.

        Raises
        ------
        ConfigError
            If there is no such tuning.
        """
        tuning = tuning_of(tune)
        base = (int(self.base[quality]) * tuning.gain + 128) >> 8
        return Quantisation(max(base, 1), tuning.slope, tuning.chroma)

    def quality_near(self, base: int, tune: str) -> int:
        """Return the lowest of the qualities whose base steps are nearest to `base`."""
        bases = [self.quantisation(quality, tune).base for quality in range(QUALITIES)]
        return min(range(QUALITIES), key=lambda quality: abs(bases[quality] - base))


def tuning_of(tune: str) -> Tuning:
    """Return a tuning by its name.

    Raises
    ------
    ConfigError
        If there is no such tuning.
    """
    tuning = TUNINGS.get(tune)
    if tuning is None:
        raise ConfigError(f"tune is {tune!r}; it must be {' or '.join(map(repr, TUNINGS))}")
    return tuning


def encode_images(
    images: Pixels,
    quality: int,
    tune: str,
    *,
    model: DctModel,
    encoder: DctEncoder,
    suits_contrast: bool = True,
) -> bytes:
    """Return the payload of images of one size.

    Each stands for itself, or they are predicted from each other, whichever costs less.

    Parameters
    ----------
    images : ndarray of uint8 or uint16, shape (n, C, H, W)
        Pixels of the model: grey levels with ``model.pixel_fraction`` bits below them.
    quality : int
    tune : str
        One of `TUNINGS`.
    suits_contrast : bool
        Whether steps of grey images that are dim are finer: see `enc_contrast`.

    Raises
    ------
    ConfigError
        If there is no such tuning, or an image has more blocks than can be read.
    """
    whole, tuning = padded(images), tuning_of(tune)
    quantisation = encoder.quantisation(quality, tune)
    if model.channels == 1 and suits_contrast:
        quantisation = _suited(quantisation, images, model.pixel_fraction)
    fraction = model.pixel_fraction
    task = Task(
        pixels=whole,
        coefficients=[enc_forward.forward(image, fraction) for image in whole],
        quantisation=quantisation,
        steps=steps_of(quantisation, model.channels),
        model=model,
        price=encoder.price * tuning.price,
        masking=tuning.masking,
    )
    return cheapest(task, images.shape[2:]).payload


def cheapest(task: Task, size: tuple[int, ...]) -> Coded:
    """Return the form that costs least, or the one that images were decoded from before.

    Where they look decoded from both, since gains or axes hardly differ, one is off by less.

    Parameters
    ----------
    task : Task
    size : (int, int)
        Rows and columns of the images before they were extended.
    """
    if len(task.pixels) == 1 or task.blocks > MAX_BLOCKS:
        return _alone(task, size)
    alone, together = _alone(task, size), encode_slices(task)
    decoded = [coded for coded in (alone, together) if coded.is_decoded]
    if decoded:
        return min(decoded, key=lambda coded: (coded.error, len(coded.payload)))
    costs = [alone.cost(task.price), together.cost(task.price)]
    found = alone if costs[0] <= costs[1] else together
    # One stream takes fewer bytes than one for each image, if axes of colour need not be shared.
    joined = costs[0] - 8 * task.price * _STREAM_BYTES * (len(task.pixels) - 1)
    if task.model.channels == 1 and joined < min(costs):
        plain = encode_slices(task, predicts=False)
        found = min(found, plain, key=lambda coded: coded.cost(task.price))
    return found


def _alone(task: Task, size: tuple[int, ...]) -> Coded:
    """Code each image for itself."""
    encoded = [
        _encode_padded(
            *pair,
            task.quantisation,
            task.model,
            size=size,
            price=task.price,
            masking=task.masking,
        )
        for pair in zip(task.pixels, task.coefficients, strict=True)
    ]
    # Where nearly all symbols are 0, nothing can be said: such an image goes with the others.
    decoded = [
        each.is_decoded
        for each in encoded
        if each.is_decoded or np.count_nonzero(each.symbols[..., 1:]) >= enc_grid.FEWEST
    ]
    return Coded(
        payload=_packed(task.quantisation, encoded),
        error=sum(each.error for each in encoded),
        is_decoded=bool(decoded) and all(decoded),
        images=[Known(each.symbols, _matrices_of(each.angles), task.steps) for each in encoded],
    )


def _matrices_of(angles: Angles) -> NDArray[np.int32] | None:
    return None if angles is None else matrices_of(angles)


class Encoded(NamedTuple):
    """An image in a payload.

    Parameters
    ----------
    angles : (2, 3) int64 or None
        Of its axes of colour; None for grey.
    stream : bytes
    symbols : (rows, columns, axes, 256) int16
        The coefficients that the stream holds.
    error : int
        Sum of squared errors, in 256ths of squared steps.
    is_decoded : bool
        Whether the image was decoded from such a stream before.
    """

    angles: Angles
    stream: bytes
    symbols: NDArray[np.int16]
    error: int
    is_decoded: bool


def _packed(quantisation: Quantisation, images: Iterable[Encoded]) -> bytes:
    """Return the payload of encoded images."""
    parts = [HEAD.pack(*quantisation)]
    for each in images:
        parts += [angle_bytes(each.angles), LENGTH.pack(len(each.stream)), each.stream]
    return b"".join(parts)


def _encode_padded(
    image: Pixels,
    coefficients: NDArray[np.int32],
    quantisation: Quantisation,
    model: DctModel,
    *,
    size: tuple[int, ...],
    price: float,
    masking: float,
) -> Encoded:
    """Encode an image of whole blocks.

    Parameters
    ----------
    image : ndarray, shape (A, H, W)
    coefficients : (rows, columns, A, 256) int32
        What `enc_forward.forward` returns for it.
    quantisation : Quantisation
    model : DctModel
    size : (int, int)
        Rows and columns of the image before it was extended.
    price, masking : float
        As `prices_of` has them, of an image that was not decoded before.
    """
    steps = steps_of(quantisation, model.channels)
    angles = None
    if model.channels == 1:
        is_decoded = _was_decoded(image, size, steps, model.pixel_fraction)
        if is_decoded:
            coefficients = _restored(image, coefficients, steps, model.pixel_fraction)
    else:
        angles, is_decoded = axes_of(image, coefficients, steps, model.pixel_fraction)
    coefficients, matrices = along(coefficients, angles)
    # What was decoded before keeps its symbols, whatever they cost.
    prices = prices_of(coefficients, 0 if is_decoded else price, masking)
    targets = targets_of(coefficients, steps)
    stream, symbols = encode(targets, steps, matrices, model.context, prices)
    return Encoded(angles, stream, symbols, error_of(targets, symbols), is_decoded)


def grey_choices(quantisation: Quantisation, *, suits_contrast: bool) -> list[Quantisation]:
    """Return the steps that grey images of a quality may get, from the coarsest on."""
    octaves = range(MOST_OCTAVES + 1) if suits_contrast else range(1)
    return [finer(quantisation, o) for o in octaves]


def _suited(quantisation: Quantisation, images: Pixels, fraction: int) -> Quantisation:
    """Return the steps for the contrast of grey images, or those that they were decoded with."""
    choices = grey_choices(quantisation, suits_contrast=True)
    # Later images of a chunk may be predicted from the first, which is coded as it is in any form.
    sample = _sample_of(images[:1], fraction)
    fits = [sample.fit(steps_of(choice, 1), knows_level=True) for choice in choices]
    good = [o for o, fit in enumerate(fits) if fit.is_good]
    contrast = octaves_below(images, fraction)
    return choices[min(good, key=lambda o: fits[o].ratio, default=contrast)]


def _was_decoded(
    image: Pixels, size: tuple[int, ...], steps: NDArray[np.int64], fraction: int
) -> bool:
    """Return whether a grey image (1, H, W) was decoded with these steps before.

    Only its first `size` rows and columns count: what extends them was not decoded.
    """
    sample = _sample_of(image[None, :, : size[0], : size[1]], fraction)
    return sample.fit(steps, knows_level=True).is_good


def _sample_of(images: Pixels, fraction: int) -> enc_grey.Sample:
    blocks, is_clipped = enc_grey.sample_blocks(images)
    return enc_grey.Sample(enc_grey.grey_levels(blocks, fraction), is_clipped)


def _restored(
    image: Pixels, coefficients: NDArray[np.int32], steps: NDArray[np.int64], fraction: int
) -> NDArray[np.int32]:
    """Return coefficients of a decoded grey image, those of clipped blocks as they were before."""
    rows, columns = coefficients.shape[:2]
    blocks = image.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)
    low, high = blocks.min((2, 3)), blocks.max((2, 3))
    is_clipped = (low == 0) | (high >= 255 << fraction)
    found = coefficients.copy()
    found[is_clipped, 0] = np.rint(
        enc_grey.restored(enc_grey.grey_levels(blocks[is_clipped], fraction), steps)
    )
    return found


def _check_size(height: int, width: int) -> None:
    blocks = -(-height // BLOCK) * -(-width // BLOCK)
    if blocks > MAX_BLOCKS:
        raise ConfigError(
            f"a chunk of {height} x {width} pixels has {blocks} blocks, more than the {MAX_BLOCKS} "
            "that can be coded: choose chunks that are less thin"
        )


def padded(images: Pixels) -> Pixels:
    """Return images extended to whole blocks by repeating their last row and column.

    Raises
    ------
    ConfigError
        If they have more blocks than can be read.
    """
    height, width = images.shape[2:]
    _check_size(height, width)
    if height % BLOCK == 0 and width % BLOCK == 0:
        return images
    return np.pad(images, ((0, 0), (0, 0), (0, -height % BLOCK), (0, -width % BLOCK)), mode="edge")
