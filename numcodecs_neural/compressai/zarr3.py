"""CompressAIImageCodec: the models of the papers as a Zarr v3 serializer. Needs zarr 3."""

import os
from dataclasses import dataclass

from numcodecs_neural.compressai.codec import CompressAIImage
from numcodecs_neural.weights import WeightsInfo
from numcodecs_neural.zarr3 import ImageSerializer

__all__ = ["CompressAIImageCodec"]


@dataclass(frozen=True, init=False)
class CompressAIImageCodec(ImageSerializer):
    """Lossy compression of image chunks by a model of CompressAI, for Zarr v3.

    Stands in ``serializer=``; ``compressors=None``. The parameters, and what to expect of it, are
    those of `CompressAIImage`.

    Parameters
    ----------
    arch : str
        The architecture.
    checkpoint : path, optional
        A trained model to import.
    weights : str, optional
        SHA-256 of a model in the models folder, instead of `checkpoint`.
    channel_axis : int
        -3 for chunks (..., 3, y, x), -1 for chunks (..., y, x, 3), -4 for chunks (..., 3, z, y, x).

    Raises
    ------
    ConfigError
        If a parameter has a value that is not allowed.
    WeightsError
        If `checkpoint` cannot be imported.
    MissingDependencyError
        If it has to be, and CompressAI cannot be imported.

    Examples
    --------
    >>> from numcodecs_neural.compressai import CompressAIImageCodec
    >>> CompressAIImageCodec("mbt2018-mean", weights="0f" * 32).arch
    'mbt2018-mean'
    """

    image_codec = CompressAIImage

    arch: str
    weights: str
    channel_axis: int

    def __init__(
        self,
        arch: str = "bmshj2018-factorized",
        checkpoint: str | os.PathLike[str] | None = None,
        *,
        weights: str | None = None,
        channel_axis: int = -3,
    ) -> None:
        self._take(CompressAIImage(arch, checkpoint, weights=weights, channel_axis=channel_axis))

    @property
    def _info(self) -> WeightsInfo:
        return CompressAIImage(self.arch, weights=self.weights).info
