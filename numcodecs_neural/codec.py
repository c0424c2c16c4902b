"""NeuralImage: the numcodecs codec, which Zarr v2 arrays take as their compressor."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Never, Protocol, Self, TypeVar

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_bytes, ensure_ndarray, ndarray_copy

from numcodecs_neural import parameters
from numcodecs_neural.format import Chunk, ChunkHeader, Mode, mode_of, unpack_chunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from numcodecs_neural.jpeg.mosaic import Mosaic

__all__ = ["ImageCodec", "NeuralImage", "ParsedChunk", "holds_jpeg", "is_lossy", "mosaic_of"]


class ParsedChunk(Protocol):
    """A chunk whose checksum was verified and whose header was read."""

    @property
    def header(self) -> ChunkHeader:
        """What the chunk says that it holds."""


_Parsed = TypeVar("_Parsed", bound=ParsedChunk)


class ImageCodec(Codec, Generic[_Parsed]):
    """A numcodecs codec that decodes in two steps, so that others can look at the header between.

    A small chunk may say that it holds a gigabyte. Zarr's serializers know the shape and compare it
    before they decode.
    """

    codec_id: str
    keys: ClassVar[tuple[str, ...]]
    """Names of the attributes that an array's metadata hold."""

    def get_config(self) -> dict[str, Any]:
        """Return the configuration as JSON-safe values; `from_config` takes it back."""
        return {"id": self.codec_id} | parameters.config_of(self, self.keys)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the codec that `config` describes.

        Raises
        ------
        ConfigError
            If `config` has a key that this release does not know, which names it.
        """
        given = {key: value for key, value in config.items() if key != "id"}
        parameters.check_keys(given, cls.codec_id, cls.keys)
        return cls(**given)

    @abstractmethod
    def encode(self, buf: object) -> bytes:
        """Encode one chunk."""

    @abstractmethod
    def parse(self, chunk: bytes) -> _Parsed:
        """Return an undamaged chunk, checked and taken apart once."""

    @abstractmethod
    def decode_parsed(self, chunk: _Parsed) -> "NDArray[Any]":
        """Return the samples of what `parse` returned."""

    def decode(self, buf: object, out: object = None) -> "NDArray[Any]":
        """Decode one chunk.

        Parameters
        ----------
        buf : bytes-like
            What `encode` returned.
        out : buffer, optional
            Where to put the samples: an array of the chunk's shape and dtype, in either byte
            order, or a flat buffer of as many bytes, which takes them in the chunk's memory order.

        Returns
        -------
        ndarray
            The chunk in the shape, dtype and memory order in which it was encoded, or `out`.

        Raises
        ------
        BitstreamError
            If `buf` is damaged, truncated, foreign or of a later version.
        WeightsError
            If the weights that wrote the chunk are not installed.
        """
        array = self.decode_parsed(self.parse(ensure_bytes(buf)))
        return array if out is None else _copy_into(out, array)


class NeuralImage(ImageCodec[Chunk]):
    """Compression of image chunks by learned models: lossy, within a bound, or without loss.

    Parameters
    ----------
    model : str, optional
        Name of the weights. A family such as ``"he-fast"`` is pinned to its newest exact name
        (``"he-fast-2"``) at once, and only that is stored. By default ``"he-fast"``, and
        ``"exact"`` with `max_error`, which takes samples of 8 and 16 bits and any number of
        channels.
    quality : int, optional
        0 (smallest) to 100 (best); by default 60.
    weights : str, optional
        SHA-256 of the decoder weights, in hexadecimal. Filled in from `model` when absent.
    channel_axis : int, optional
        -3 for chunks (..., c, y, x), -1 for chunks (..., y, x, c), -4 for chunks (..., c, z, y, x);
        by default -3. None with weights of one channel, which code chunks (..., y, x). All other
        axes are a batch.
    value_range : (int, int), optional
        For samples of 16 bits: the lowest and the highest to expect in the whole array, such as
        ``(0, 4095)``. A chunk is coded in 256 grey levels and fractions of them; a level is the
        smallest power of two samples that holds the chunk's own range. `quality` is relative to
        it, so that a dark chunk is coded more finely than a bright one. With a range, no chunk has
        smaller levels than the range needs, and all have one quality; and what is decoded and
        encoded again stays on its levels. Nothing is clipped: a chunk that exceeds it takes larger
        levels. Kept under ``encoder``: no reader needs it. With any range, chunks of 8 bits that
        use few levels have the steps of all others.
    max_error : int, optional
        By how much a decoded sample may differ from the one that was encoded, in place of a
        quality: 0 for no loss at all. The encoder decodes each chunk and compares before it hands
        it over. Kept under ``encoder``: no reader needs it.
    tune : {"psnr", "ssim", "ms-ssim"}, optional
        Which measure of quality the bits serve best; by default ``"psnr"``, which is good for SSIM
        as well. Weights that cannot be tuned refuse others. Kept under ``encoder``: no reader needs
        it.
    target_psnr : float, optional
        Decibels from 20 to 100, in place of `quality`: the encoder finds the quality of each chunk
        whose PSNR is as low as possible and not below the target, at most 0.2 dB above it with
        `he-fast-2` and `grey-fast-2`, and one quality above it with the weights before them. PSNR
        is that of all samples of a chunk, padding excepted, against a peak of 255 for uint8; for 16
        bits against the width of `value_range`, and 65535 without one. A chunk of which quality 0
        is better is coded at quality 0; one that no quality brings so far is stored without loss.
        Kept under ``encoder``: no reader needs it.
    encoder : dict, optional
        Notes of the encoder that wrote the data. Kept as they are; no reader needs them.

    Raises
    ------
    ConfigError
        If a parameter has a value that is not allowed.
    WeightsError
        If `model` is unknown and `weights` are not given.

    Examples
    --------
    >>> from numcodecs_neural import NeuralImage
    >>> codec = NeuralImage("he-fast", quality=60)
    >>> codec.model, codec.quality
    ('he-fast-2', 60)
    """

    codec_id = "neural_image"
    keys = ("model", "weights", "quality", "channel_axis", "encoder")

    def __init__(
        self,
        model: str | None = None,
        quality: int | None = None,
        *,
        weights: str | None = None,
        channel_axis: int | None = None,
        max_error: int | None = None,
        value_range: tuple[int, int] | None = None,
        tune: str | None = None,
        target_psnr: float | None = None,
        encoder: Mapping[str, Any] | None = None,
    ) -> None:
        if model is None:
            model = "he-fast" if max_error is None else "exact"
        self.model, self.weights = parameters.pin_weights(model, weights)
        info = parameters.installed_weights(self.model, self.weights)
        if info is not None and parameters.is_exact(info) and not parameters.has_bound(encoder):
            max_error = 0 if max_error is None else max_error
        parameters.check_one_aim(
            quality, target_psnr, max_error, value_range=value_range, tune=tune
        )
        self.quality = parameters.parse_quality(
            parameters.DEFAULT_QUALITY if quality is None else quality
        )
        self.channel_axis = parameters.resolve_channel_axis(channel_axis, info)
        self.encoder = parameters.parse_encoder(encoder, value_range, tune, target_psnr, max_error)

    def encode(self, buf: object) -> bytes:
        """Encode one chunk.

        Parameters
        ----------
        buf : ndarray
            Shape (..., c, y, x), (..., y, x, c) or (..., y, x), after `channel_axis`; any memory
            layout.

        Returns
        -------
        bytes
            The chunk; it knows its own shape, dtype and memory order.

        Raises
        ------
        ConfigError
            If the weights cannot code this dtype (then also a TypeError) or shape, or it is empty
            or too large.
        WeightsError
            If the weights are not installed.
        """
        # Inside, because opening an array must cost no more than importing numcodecs.
        from numcodecs_neural.coding.enc_task import EncodeParameters
        from numcodecs_neural.engine import encode

        array = ensure_ndarray(buf)
        info = parameters.require_weights(self.model, self.weights)
        parameters.check_chunk(array.shape, array.dtype, self.channel_axis, info)
        parameters.check_samples(array.shape, array.itemsize)
        parameters.check_max_error(array.dtype, self.encoder)
        chosen = EncodeParameters(
            quality=self.quality,
            channel_axis=self.channel_axis or 0,
            value_range=parameters.value_range_of(self.encoder),
            tune=parameters.tune_of(self.encoder),
            target_psnr=parameters.target_psnr_of(self.encoder),
            max_error=parameters.max_error_of(self.encoder),
        )
        return encode(array, info, chosen)

    def parse(self, chunk: bytes) -> Chunk:
        """Return an undamaged chunk of this package, checked and taken apart once."""
        return unpack_chunk(chunk)

    def decode_parsed(self, chunk: Chunk) -> "NDArray[Any]":
        """Return the samples of what `parse` returned."""
        from numcodecs_neural.engine import decode

        return decode(chunk)

    def __getitem__(self, index: int) -> Never:
        """Say what to write in Zarr v3, which looks for a list of codecs in ``compressors=``."""
        raise TypeError(
            "NeuralImage is the codec of Zarr v2. In Zarr v3 an array takes "
            "serializer=NeuralImageCodec(...) and compressors=None"
        )

    def __hash__(self) -> int:
        return hash((self.model, self.weights, self.quality, self.channel_axis))


def is_lossy(start: bytes) -> bool:
    """Return whether a chunk lost something when it was encoded, from its first 17 bytes.

    Raises
    ------
    BitstreamError
        If no chunk of this package starts so.
    """
    mode = mode_of(start)
    return mode is Mode.LOSSY or (mode is Mode.EXACT and any(start[15:17]))


def holds_jpeg(chunk: bytes) -> bool:
    """Return whether a chunk of `NeuralImage` holds JPEG tiles; decodes nothing.

    Raises
    ------
    BitstreamError
        As `mosaic_of`.
    """
    return unpack_chunk(chunk).header.mode is Mode.JPEG


def mosaic_of(chunk: bytes) -> "Mosaic | None":
    """Return the JPEG tiles that a chunk of `NeuralImage` holds, or None if it holds none.

    Raises
    ------
    BitstreamError
        If the chunk is damaged, truncated, foreign or of a later version.
    WeightsError
        If the weights that wrote it are not installed.
    """
    from numcodecs_neural.coding.dec_jpeg import decode_mosaic

    parsed = unpack_chunk(chunk)
    return decode_mosaic(parsed) if parsed.header.mode is Mode.JPEG else None


def _copy_into(out: object, array: "NDArray[Any]") -> "NDArray[Any]":
    """Fill `out`: by position where it has the array's shape, else as a flat buffer.

    numcodecs' own helper copies bytes in memory order always, which scrambles a C-ordered `out` of
    an F-ordered chunk, and one of the other byte order.
    """
    target = ensure_ndarray(out)
    is_alike = target.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    if target.shape == array.shape and is_alike:
        np.copyto(target, array)
    else:
        ndarray_copy(array, target)
    return target
