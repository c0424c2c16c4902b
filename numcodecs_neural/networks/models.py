"""Decoder and encoder models: the networks of a weights file and the integers around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy import SymbolTables
from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.bounds import prove
from numcodecs_neural.networks.description import Network, network_from_arrays
from numcodecs_neural.weights import WeightsFile

QUALITIES = 101
FRACTION_BITS = 4  # latents and means are in sixteenths of a step
LATENT_LIMIT = 2**15 - 1  # of latents in sixteenths of a step
DEQUANTIZED_LIMIT = 2**11 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderModel:
    """What turns symbols into pixels.

    Parameters
    ----------
    channels, stride, hyper_stride : int
        Colours; pixels per latent step; latent steps per hyper-latent step.
    groups : tuple of int
        Latent channels per group, in coding order.
    has_mean : tuple of bool
        Whether the group's means are predicted (else they are 0).
    hyper_mean : (101, hyper) int32
        What is added to the symbols of the hyper-latents.
    hyper_index : (101, hyper) uint8
        Which table codes them.
    hyper_limit : int
        Hyper-latents are clamped to this magnitude.
    step : (101, M) int32, step_shift : (M,) int32
        Dequantised latent = ``(y * step + 2**(shift - 1)) >> shift``, clamped to 11 bits.
    skip_below : int
        Latents whose index is lower are 0 and not coded.
    tables : SymbolTables
    networks : mapping of str to Network
        ``features``, ``group1``, ``group2``, ..., ``synthesis``.
    """

    channels: int
    stride: int
    hyper_stride: int
    groups: tuple[int, ...]
    has_mean: tuple[bool, ...]
    hyper_mean: NDArray[np.int32]
    hyper_index: NDArray[np.uint8]
    hyper_limit: int
    step: NDArray[np.int32]
    step_shift: NDArray[np.int32]
    skip_below: int
    tables: SymbolTables
    networks: Mapping[str, Network]

    @classmethod
    def from_file(cls, file: WeightsFile) -> DecoderModel:
        """Build the model and prove its bounds.

        Raises
        ------
        WeightsError
            If the file lacks something, or a bound does not hold.
        """
        d, arrays = file.description, file.arrays
        try:
            if d["kind"] != "decoder" or d["version"] != 1:
                raise WeightsError("the file holds no decoder of version 1")
            model = cls(
                channels=d["channels"],
                stride=d["stride"],
                hyper_stride=d["hyper_stride"],
                groups=tuple(d["groups"]),
                has_mean=tuple(d["has_mean"]),
                hyper_mean=arrays["hyper_mean"].astype(np.int32),
                hyper_index=arrays["hyper_index"].astype(np.uint8),
                hyper_limit=d["hyper_limit"],
                step=arrays["step"].astype(np.int32),
                step_shift=arrays["step_shift"].astype(np.int32),
                skip_below=d["skip_below"],
                tables=SymbolTables(
                    offset=arrays["tables.offset"],
                    size=arrays["tables.size"],
                    frequency=arrays["tables.frequency"],
                ),
                networks=_networks(d["networks"], arrays),
            )
        except KeyError as exc:
            raise WeightsError(f"the weights file lacks {exc}") from exc
        model._prove()
        return model

    @property
    def group_slices(self) -> tuple[slice, ...]:
        """Where each group lies among the latents."""
        ends = np.cumsum(self.groups)
        return tuple(slice(int(e) - g, int(e)) for e, g in zip(ends, self.groups, strict=True))

    def _prove(self) -> None:
        """Bounds of all networks, in the order in which they feed each other."""
        hyper = np.full(self.hyper_index.shape[1], float(self.hyper_limit))
        reach = prove(self.networks["features"], {"z": hyper})
        for number, count in enumerate(self.groups, 1):
            reach |= prove(self.networks[f"group{number}"], reach)
            reach[f"y{number}"] = np.full(count, float(LATENT_LIMIT))
        inputs = {
            f"d{i}": np.full(g, float(DEQUANTIZED_LIMIT)) for i, g in enumerate(self.groups, 1)
        }
        prove(self.networks["synthesis"], inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderModel:
    """What turns pixels into latents and hyper-latents; free to change between releases.

    Parameters
    ----------
    inverse_step : (101, M) int64, inverse_shift : int
        Latent in sixteenths of a step = ``(y * inverse_step + half) >> inverse_shift``.
    rounding : (tables,) int32
        What is added to the magnitude of a latent, in sixteenths, before its fraction is dropped,
        by table index: 8 rounds to the nearest step, less rounds towards 0.
    networks : mapping of str to Network
        ``analysis`` (``x`` to ``y``) and ``hyper_analysis`` (``y`` in sixteenths to ``z``).
    """

    inverse_step: NDArray[np.int64]
    inverse_shift: int
    rounding: NDArray[np.int32]
    networks: Mapping[str, Network]

    @classmethod
    def from_file(cls, file: WeightsFile, decoder_sha256: str) -> EncoderModel:
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
            model = cls(
                inverse_step=file.arrays["inverse_step"].astype(np.int64),
                inverse_shift=d["inverse_shift"],
                rounding=file.arrays["rounding"].astype(np.int32),
                networks=_networks(d["networks"], file.arrays),
            )
        except KeyError as exc:
            raise WeightsError(f"the weights file lacks {exc}") from exc
        pixels = np.full(d["channels"], 128.0)
        prove(model.networks["analysis"], {"x": pixels})
        latents = np.full(model.inverse_step.shape[1], float(LATENT_LIMIT))
        prove(model.networks["hyper_analysis"], {"y": latents})
        return model


def _networks(
    described: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> dict[str, Network]:
    return {name: network_from_arrays(layers, arrays) for name, layers in described.items()}
