"""The encoder model: the networks of an encoder file, and the integers around them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.bounds import interval, prove
from numcodecs_neural.networks.dec_model import (
    LATENT_LIMIT,
    LEVEL_CENTRE,
    check_names,
    networks_from,
    pixel_fraction_of,
)
from numcodecs_neural.networks.description import Network
from numcodecs_neural.weights import WeightsFile

__all__ = ["EncoderModel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderModel:
    """What turns pixels into latents and hyper-latents; free to change between releases.

    Parameters
    ----------
    pixel_fraction : int
        That of the decoder.
    inverse_step : (101, M) int64, inverse_shift : int
        Latent in sixteenths of a step = ``(y * inverse_step + half) >> inverse_shift``.
    restoring_step : (101, M) int64
        The same for images that were decoded before; `inverse_step` where the file has none.
    price : int
        What a bit is worth, in squares of sixteenths of a step, when symbols are chosen.
    networks : mapping of str to Network
        ``analysis`` (``x``, whole grey levels about 0, and ``x_fraction``, the bits below them
        where there are any, to ``y``), ``hyper_analysis`` (``y`` in sixteenths to ``z``), and where
        the synthesis can be undone, ``restoring``: of images that were decoded before, the same
        inputs to ``restored`` in place of ``y``.
    """

    pixel_fraction: int
    inverse_step: NDArray[np.int64]
    restoring_step: NDArray[np.int64]
    inverse_shift: int
    price: int
    networks: Mapping[str, Network]

    @classmethod
    def from_file(cls, file: WeightsFile, decoder_sha256: str) -> "EncoderModel":
        """Build the model and prove its bounds.

        Raises
        ------
        WeightsError
            If the file lacks something, belongs to another decoder, or a bound does not hold.
        """
        d = file.description
        try:
            if d["kind"] != "encoder" or d["decoder_sha256"] != decoder_sha256:
                raise WeightsError("the encoder file belongs to other decoder weights")
            inverse_step = file.arrays["inverse_step"].astype(np.int64)
            model = cls(
                pixel_fraction=pixel_fraction_of(d),
                inverse_step=inverse_step,
                restoring_step=file.arrays.get("restoring_step", inverse_step).astype(np.int64),
                inverse_shift=d["inverse_shift"],
                price=d["price"],
                networks=networks_from(d["networks"], file.arrays),
            )
        except KeyError as exc:
            raise WeightsError(f"the weights file lacks {exc}") from exc
        check_names(model.networks, ("analysis", "hyper_analysis"), optional=("restoring",))
        pixels = {"x": interval(-LEVEL_CENTRE, LEVEL_CENTRE - 1, d["channels"])}
        if model.pixel_fraction:
            highest = (1 << model.pixel_fraction) - 1
            pixels["x_fraction"] = interval(0, highest, d["channels"])
        for name in model.networks.keys() - {"hyper_analysis"}:
            prove(model.networks[name], pixels)
        latents = interval(-LATENT_LIMIT, LATENT_LIMIT, model.inverse_step.shape[1])
        prove(model.networks["hyper_analysis"], {"y": latents})
        return model
