"""CompressAIImage: the models of the papers as a numcodecs codec."""

import os
from typing import TYPE_CHECKING, Any

from numcodecs.compat import ensure_ndarray

from numcodecs_neural.codec import ImageCodec
from numcodecs_neural.compressai.architectures import parse_architecture
from numcodecs_neural.compressai.chunks import Chunk, unpack
from numcodecs_neural.compressai.library import load_library
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.parameters import (
    check_chunk,
    check_samples,
    parse_channel_axis,
    parse_sha256,
)
from numcodecs_neural.weights import WeightsInfo

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CompressAIImage"]


class CompressAIImage(ImageCodec[Chunk]):
    """Lossy compression of image chunks by a model of CompressAI, trained elsewhere.

    For comparisons, and for research models. `NeuralImage` is the codec for archives: the
    entropy models here compute in floating point, so a chunk may be unreadable on another
    machine. It is then refused, by a checksum over the decoded latents, and never decoded to
    garbage; what decides on a symbol is computed in float64 on the CPU, which makes that rare.
    Pixels may differ by a grey level between machines.

    ``mbt2018``, ``cheng2020-anchor`` and ``cheng2020-attn`` predict each latent from those before
    it, one position after the other: they work, and take seconds for a chunk of 512 x 512.

    Parameters
    ----------
    arch : str
        ``"bmshj2018-factorized"``, ``"bmshj2018-hyperprior"``, ``"mbt2018-mean"``, ``"mbt2018"``,
        ``"cheng2020-anchor"`` or ``"cheng2020-attn"``.
    checkpoint : path, optional
        A trained model to import; see `import_checkpoint`. The codec keeps its SHA-256 only.
    weights : str, optional
        SHA-256 of a model in the models folder, instead of `checkpoint`.
    channel_axis : int
        -3 for chunks (..., 3, y, x), -1 for chunks (..., y, x, 3), -4 for chunks (..., 3, z, y, x);
        all other axes are a batch.

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
    >>> from numcodecs_neural.compressai import CompressAIImage
    >>> codec = CompressAIImage("mbt2018-mean", weights="0f" * 32)
    >>> codec.arch, codec.channel_axis
    ('mbt2018-mean', -3)
    """

    codec_id = "compressai_image"
    keys = ("arch", "weights", "channel_axis")

    def __init__(
        self,
        arch: str = "bmshj2018-factorized",
        checkpoint: str | os.PathLike[str] | None = None,
        *,
        weights: str | None = None,
        channel_axis: int = -3,
    ) -> None:
        self.arch = parse_architecture(arch).name
        self.channel_axis = parse_channel_axis(channel_axis)
        self.weights = _parse_weights(self.arch, checkpoint, weights)

    @property
    def info(self) -> WeightsInfo:
        """What every model can code: three channels of bytes."""
        return WeightsInfo(
            name=self.arch,
            sha256=self.weights,
            encoder_sha256=self.weights,
            channels=3,
            dtypes=("uint8",),
            stride=64,
        )

    def encode(self, buf: object) -> bytes:
        """Encode one chunk.

        Parameters
        ----------
        buf : ndarray
            (..., 3, y, x) or (..., y, x, 3) uint8, after `channel_axis`; any memory layout, any
            size: sides are extended to multiples of 64 by repeating the last row and column.

        Returns
        -------
        bytes
            The chunk; it knows its own shape and memory order.

        Raises
        ------
        ConfigError
            If the dtype or the shape is another, or it is empty or too large.
        WeightsError
            If the model is not in the models folder.
        MissingDependencyError
            If CompressAI cannot be imported.
        """
        array = ensure_ndarray(buf)
        check_chunk(array.shape, array.dtype, self.channel_axis, self.info)
        check_samples(array.shape, array.itemsize)
        load_library()  # before torch, which it may miss too
        from numcodecs_neural.compressai.coding import encode_chunk

        return encode_chunk(
            array,
            arch=parse_architecture(self.arch),
            weights=self.weights,
            channel_axis=self.channel_axis,
        )

    def parse(self, chunk: bytes) -> Chunk:
        """Return an undamaged chunk of such models, checked and taken apart once."""
        return unpack(chunk)

    def decode_parsed(self, chunk: Chunk) -> "NDArray[Any]":
        """Return the samples of what `parse` returned.

        Raises
        ------
        NumericsError
            If this machine decodes other latents than were written.
        WeightsError
            If the model is not in the models folder, or another one wrote the chunk.
        MissingDependencyError
            If CompressAI cannot be imported.
        """
        load_library()
        from numcodecs_neural.compressai.coding import decode_chunk

        return decode_chunk(chunk, arch=parse_architecture(self.arch), weights=self.weights)

    def __hash__(self) -> int:
        return hash((self.arch, self.weights, self.channel_axis))


def _parse_weights(arch: str, checkpoint: object, weights: object) -> str:
    """Return the SHA-256 of the model: as given, or of the checkpoint, which is imported."""
    if (checkpoint is None) == (weights is None):
        raise ConfigError(
            "compressai_image needs either checkpoint (a file to import) or weights (the SHA-256 "
            "of a model that was imported before)"
        )
    if checkpoint is not None:
        from numcodecs_neural.compressai.checkpoints import import_checkpoint

        return import_checkpoint(checkpoint, arch)  # type: ignore[arg-type]
    return parse_sha256(weights)
