"""The coder of weights that are a context model: coefficients on the CPU, pixels on any device.

It is imported with the first such weights: its kernels need numba, and opening an array does not.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_neural.coding.dec_dct import DctModel, Inverse, coefficients_of, decode_images
from numcodecs_neural.coding.dec_lossy import Levels
from numcodecs_neural.dct.arithmetic import COEFFICIENTS, TURN, VALUE_MAX, VALUE_MIN
from numcodecs_neural.dct.colour import matrices_of
from numcodecs_neural.dct.dec_inverse import inverse, inverse_plain
from numcodecs_neural.dct.dec_spectrum import in_samples, of_pixels
from numcodecs_neural.dct.dec_steps import dequantised_plain
from numcodecs_neural.dct.steps import steps_of
from numcodecs_neural.engine.turns import turn
from numcodecs_neural.weights import WeightsFile, WeightsInfo, load_encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from numcodecs_neural.coding.enc_dct import DctEncoder
    from numcodecs_neural.coding.enc_dct_trials import DctTrials
    from numcodecs_neural.coding.enc_task import EncodeParameters
    from numcodecs_neural.networks.backends.choice import Choice
    from numcodecs_neural.networks.description import Pixels

__all__ = ["DctCoder", "inverse_for"]

_FRACTIONS = 0, 4
"""Bits of a pixel below a grey level that devices are checked with."""


class DctCoder:
    """Codes images by the DCT and a context model.

    Coefficients are decoded on the CPU; with torch, its device turns them into pixels.

    Parameters
    ----------
    info : WeightsInfo
    file : WeightsFile
        Its decoder.
    choice : Choice
    """

    def __init__(self, info: WeightsInfo, file: WeightsFile, choice: Choice) -> None:
        self._info, self._model = info, DctModel.from_file(file)
        self.weights_id, self.channels = info.id, self._model.channels
        self.pixel_fraction = self._model.pixel_fraction
        self._inverse = inverse_for(choice)

    @cached_property
    def _encoder(self) -> DctEncoder:
        """Loaded by the first chunk that is encoded."""
        from numcodecs_neural.coding.enc_dct import DctEncoder

        return DctEncoder.from_file(load_encoder(self._info), self._info.sha256)

    def encode(self, images: Pixels, parameters: EncodeParameters) -> bytes:
        """Return the stream of (n, C, H, W)."""
        from numcodecs_neural.coding.enc_dct import encode_images

        with turn():
            return encode_images(
                images,
                parameters.quality,
                parameters.tune,
                model=self._model,
                encoder=self._encoder,
                suits_contrast=parameters.value_range is None,
            )

    def grey_steps(self, parameters: EncodeParameters) -> Sequence[NDArray[np.int64]]:
        """Return all steps (1, 256) that grey images may get; none for colour or for a target."""
        from numcodecs_neural.coding.enc_dct import grey_choices

        if self.channels != 1 or parameters.target_psnr is not None:
            return ()
        quantisation = self._encoder.quantisation(parameters.quality, parameters.tune)
        choices = grey_choices(quantisation, suits_contrast=parameters.value_range is None)
        return [steps_of(choice, 1) for choice in choices]

    def trials(self, images: Pixels, parameters: EncodeParameters) -> DctTrials:
        """Return the encodings of (n, C, H, W) that a target is looked for among."""
        from numcodecs_neural.coding.enc_dct_trials import DctTrials

        return DctTrials(
            images,
            parameters.tune,
            model=self._model,
            encoder=self._encoder,
            turn=turn,
            suits_contrast=parameters.value_range is None,
        )

    def decode(self, stream: bytes, shape: tuple[int, int, int], quality: int) -> Pixels:
        """Return (n, C, H, W) for ``shape = (n, H, W)``; the stream says its steps itself."""
        del quality
        with turn():
            return decode_images(stream, shape, self._model, self._inverse)

    def latents(
        self,
        stream: bytes,
        shape: tuple[int, int, int],
        quality: int,
        *,
        levels: Levels,
        count: int,
    ) -> NDArray[np.float32]:
        """Return dequantised coefficients (n, count, h, w) for ``shape = (n, H, W)``."""
        del quality
        with turn():
            spectra = coefficients_of(stream, shape, self._model, self._frequencies(count))
        spectra = in_samples(spectra, self.channels, low=levels.low, shift=levels.shift)
        return spectra[:, :count]

    def latents_of_pixels(self, planes: NDArray[Any], count: int) -> NDArray[np.float32]:
        """Return the coefficients of samples (n, C, H, W), by the same DCT."""
        return of_pixels(planes, self._frequencies(count))[:, :count]

    def _frequencies(self, count: int) -> int:
        """Return of how many frequencies so many coefficients are."""
        return -(-count // self.channels)

    @property
    def latents_count(self) -> int:
        """How many coefficients a block has."""
        return COEFFICIENTS * self.channels


def inverse_for(choice: Choice) -> Inverse:
    """Return what turns coefficients into pixels, checked against float64 where torch does.

    A device that fails the check, by faulty hardware or a library that is not exact, is replaced
    with the CPU, with one warning.
    """
    if choice.implementation != "torch":
        return inverse
    from numcodecs_neural.dct.dec_torch import inverse_on

    found = inverse_on(choice.device)
    if _is_exact(found):
        return found
    warnings.warn(
        f"torch on device {choice.device!r} does not compute the inverse DCT exactly; pixels are "
        "computed on the CPU instead",
        RuntimeWarning,
        stacklevel=2,
    )
    return inverse


def _is_exact(candidate: Inverse) -> bool:
    """Whether it gives what float64 gives, on coefficients that fill the whole range."""
    generator = np.random.default_rng(20)
    high = generator.integers(VALUE_MIN, VALUE_MAX, (3, 2, 3, 256), np.int16, endpoint=True)
    high[1] //= 64  # pixels within their range
    matrices = matrices_of(generator.integers(0, TURN, (2, 3)))
    steps = generator.integers(1, 3, (3, 256))
    return all(
        np.array_equal(
            candidate(x, m, fraction, steps[: x.shape[2]]),
            inverse_plain(dequantised_plain(x, steps[: x.shape[2]]), m, fraction),
        )
        for x, m in ((high, matrices), (high[:, :, :1].copy(), None))
        for fraction in _FRACTIONS
    )
