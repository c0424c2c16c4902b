"""The decoder model: the networks of a decoder file, and the integers around them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.entropy import SymbolTables
from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.bounds import Interval, interval, prove
from numcodecs_neural.networks.description import Network, network_from_arrays
from numcodecs_neural.networks.passes import Pass, passes_from_json
from numcodecs_neural.weights import WeightsFile

__all__ = [
    "DECODER_VERSION",
    "DEQUANTIZED_LIMIT",
    "FRACTION_BITS",
    "HALF_STEP",
    "LATENT_LIMIT",
    "LEVEL_BITS",
    "LEVEL_CENTRE",
    "QUALITIES",
    "DecoderModel",
    "check_names",
    "latents_of",
    "networks_from",
    "pixel_fraction_of",
]

DECODER_VERSION = 3
QUALITIES = 101
FRACTION_BITS = 4  # latents and means are in sixteenths of a step
HALF_STEP = 1 << (FRACTION_BITS - 1)
LATENT_LIMIT = 2**15 - 1  # of latents in sixteenths of a step
_MOST_HALVES = 2 * (LATENT_LIMIT // HALF_STEP)  # keeps the product within 32 bits
DEQUANTIZED_LIMIT = 2**11 - 1
LEVEL_BITS = 8  # whole grey levels of a pixel
LEVEL_CENTRE = 1 << (LEVEL_BITS - 1)
MAX_PIXEL_FRACTION = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderModel:
    """What turns symbols into pixels.

    Parameters
    ----------
    channels, stride, hyper_stride : int
        Colours; pixels per latent step; latent steps per hyper-latent step.
    pixel_fraction : int
        Bits of a pixel below a grey level: pixels are 0 to ``(256 << pixel_fraction) - 1``.
    groups : tuple of int
        Latent channels per group.
    passes : tuple of Pass
        In which order, and at which positions, the groups are coded.
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
        Three for each class: of hyper-latents, and of latents under either quantiser.
    networks : mapping of str to Network
        ``features``, ``pass1``, ``pass2``, ..., ``synthesis``.
    """

    channels: int
    stride: int
    hyper_stride: int
    pixel_fraction: int
    groups: tuple[int, ...]
    passes: tuple[Pass, ...]
    hyper_mean: NDArray[np.int32]
    hyper_index: NDArray[np.uint8]
    hyper_limit: int
    step: NDArray[np.int32]
    step_shift: NDArray[np.int32]
    skip_below: int
    tables: SymbolTables
    networks: Mapping[str, Network]

    @classmethod
    def from_file(cls, file: WeightsFile) -> "DecoderModel":
        """Build the model and prove its bounds.

        Raises
        ------
        WeightsError
            If the file lacks something, or a bound does not hold.
        """
        d, arrays = file.description, file.arrays
        try:
            if d["kind"] != "decoder" or d["version"] != DECODER_VERSION:
                raise WeightsError(f"the file holds no decoder of version {DECODER_VERSION}")
            groups = tuple(d["groups"])
            model = cls(
                channels=d["channels"],
                stride=d["stride"],
                hyper_stride=d["hyper_stride"],
                pixel_fraction=pixel_fraction_of(d),
                groups=groups,
                passes=passes_from_json(d["passes"], d["has_mean"], len(groups)),
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
                networks=networks_from(d["networks"], arrays),
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

    @property
    def read_later(self) -> frozenset[str]:
        """Names of the tensors that the networks of the passes read."""
        return frozenset().union(*(self.networks[p.network].reads for p in self.passes))

    def _prove(self) -> None:
        """Bounds of all networks, in the order in which they feed each other."""
        self._check_tables()
        check_names(self.networks, ("features", *(p.network for p in self.passes), "synthesis"))
        limit = self.hyper_limit
        hyper = interval(-limit, limit, self.hyper_index.shape[1])
        have = {"f": _result("f", prove(self.networks["features"], {"z": hyper}))}
        for step in self.passes:
            have |= prove(self.networks[step.network], have)
            self._check_parameters(step, have)
            latents = interval(-LATENT_LIMIT, LATENT_LIMIT, self.groups[step.group - 1])
            have[f"y{step.group}"] = latents
        inputs = {
            f"d{number}": interval(-DEQUANTIZED_LIMIT, DEQUANTIZED_LIMIT, count)
            for number, count in enumerate(self.groups, 1)
        }
        self._check_pixels(*_result("pixels", prove(self.networks["synthesis"], inputs)))

    def _check_tables(self) -> None:
        classes, rest = divmod(len(self.tables), 3)
        if rest or self.hyper_index.max() >= classes:
            raise WeightsError(
                f"there are {len(self.tables)} symbol tables, and hyper-latents are of class "
                f"{self.hyper_index.max()}; expected three tables for every class"
            )

    def _check_parameters(self, step: Pass, have: Mapping[str, Interval]) -> None:
        """Refuse means and indexes that do not fit their group or the tables."""
        count, classes = self.groups[step.group - 1], len(self.tables) // 3
        low, high = _result(step.index, have)
        if len(low) != count or low.min() < 0 or high.max() >= classes:
            raise WeightsError(
                f"tensor {step.index!r} has {len(low)} channels of {low.min():.0f} to "
                f"{high.max():.0f}; expected {count} that name one of {classes} classes"
            )
        if step.has_mean and len(_result(step.mean, have)[0]) != count:
            raise WeightsError(f"tensor {step.mean!r} does not have {count} channels")

    def _check_pixels(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        last = [layer.op for layer in self.networks["synthesis"].layers[-2:]]
        if last != ["conv", "shuffle"] or len(low) != self.channels:
            raise WeightsError(
                f"the synthesis ends in {last} with {len(low)} channels; expected a conv and a "
                f"shuffle with {self.channels}"
            )
        highest = (1 << (LEVEL_BITS + self.pixel_fraction)) - 1
        if low.min() < 0 or high.max() > highest:
            raise WeightsError(
                f"the synthesis gives pixels of {low.min():.0f} to {high.max():.0f}; allowed are "
                f"0 to {highest}"
            )


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


def networks_from(
    described: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> dict[str, Network]:
    """Return the networks of a weights file by name."""
    return {name: network_from_arrays(layers, arrays) for name, layers in described.items()}


def pixel_fraction_of(description: Mapping[str, Any]) -> int:
    """Return how many bits of a pixel lie below a grey level, or raise WeightsError."""
    fraction = description["pixel_fraction"]
    if type(fraction) is not int or not 0 <= fraction <= MAX_PIXEL_FRACTION:
        raise WeightsError(
            f"the weights file has pixel_fraction {fraction!r}; allowed are 0 to "
            f"{MAX_PIXEL_FRACTION}"
        )
    return fraction


def check_names(
    networks: Mapping[str, Network], expected: tuple[str, ...], optional: tuple[str, ...] = ()
) -> None:
    """Refuse files whose networks are others, or whose layers are not told apart by name."""
    if set(networks) - set(optional) != set(expected):
        raise WeightsError(
            f"the weights file has the networks {sorted(networks)}; expected {sorted(expected)}"
        )
    names = [layer.name for network in networks.values() for layer in network.layers]
    if len(names) != len(set(names)):
        raise WeightsError("the weights file has two layers of one name")


def _result(name: str, have: Mapping[str, Interval]) -> Interval:
    if name not in have:
        raise WeightsError(f"the weights file has no layer {name!r}")
    return have[name]
