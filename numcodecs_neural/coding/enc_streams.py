"""Mode ``lossy``: pixels through the networks to one payload, and back (SPEC.md, section 6).

Images are coded in batches of equal size, since a device is busy only with many at once; each
payload is what it would be alone.

An image that was decoded from a chunk of this quality before gets its old symbols again: its
latents are known by lying near whole steps, they are rounded to the nearest, and none of them is
skipped as too improbable to code. So generations lose next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.walk import Backend, Walk
from numcodecs_neural.entropy import SymbolDecoder, encode_symbols, quantize
from numcodecs_neural.errors import BitstreamError, WeightsError
from numcodecs_neural.networks.dec_model import LEVEL_CENTRE, DecoderModel, EncoderModel
from numcodecs_neural.networks.description import Pixels
from numcodecs_neural.networks.enc_latents import in_steps, latents_of, look_decoded, with_noise
from numcodecs_neural.networks.passes import positions_of

__all__ = ["Backend", "Coded", "decode_streams", "encode_streams", "symbols_and_rows"]


def encode_streams(
    images: Pixels,
    streams: int,
    quality: int,
    *,
    decoder: DecoderModel,
    encoder: EncoderModel,
    backend: Backend,
) -> list[bytes]:
    """Encode images of one size, an equal number of them in each stream.

    Parameters
    ----------
    images : ndarray of uint8 or uint16, shape (streams * n, C, H, W)
        Pixels of the model: grey levels with ``decoder.pixel_fraction`` bits below them.
    streams : int
    quality : int
    """
    coded = symbols_and_rows(
        images, streams, quality, decoder=decoder, encoder=encoder, backend=backend
    )
    return [
        bytes([codes_all])
        + encode_symbols([(s[k].ravel(), r[k].ravel(), decoder.tables) for s, r in coded.parts])
        for k, codes_all in enumerate(coded.codes_all)
    ]


class Coded(NamedTuple):
    """What is entropy-coded, the first axis of all arrays being streams.

    `parts` are symbols and the rows of tables that code them: the hyper-latents
    (streams, n, hz, wz, hyper), then each pass (streams, n, positions, channels of its group).
    `codes_all` says of each stream whether even the most improbable symbols are coded.
    """

    parts: list[tuple[NDArray[np.int32], NDArray[np.uint8]]]
    codes_all: list[bool]


def symbols_and_rows(
    images: Pixels,
    streams: int,
    quality: int,
    *,
    decoder: DecoderModel,
    encoder: EncoderModel,
    backend: Backend,
) -> Coded:
    """Choose the symbols; parameters are those of `encode_streams`."""
    y, is_decoded = _latents(images, quality, decoder, encoder, backend)
    z = _hyper_latents(with_noise(y, is_decoded), quality, decoder, encoder, backend)
    keeps = is_decoded.reshape(streams, -1)
    codes_all = [bool(part.any()) for part in is_decoded.reshape(streams, -1)]
    walk = Walk(
        decoder, backend, quality, (y.shape[1], y.shape[2]), np.repeat(codes_all, keeps.shape[1])
    )
    parts = [(z - decoder.hyper_mean[quality], walk.hyper_indexes(z.shape))]
    walk.begin(z)
    for step in decoder.passes:
        mean, indexes = walk.parameters(step)
        wanted = walk.at(step, y[..., decoder.group_slices[step.group - 1]])
        rest = np.subtract(wanted, mean, dtype=np.int32)
        chosen = [
            quantize(part, classes, decoder.tables, 0 if keeps_all else encoder.price)
            for part, classes, keeps_all in zip(
                np.split(rest, streams), np.split(indexes, streams), codes_all, strict=True
            )
        ]
        walk.add(step, latents_of(np.concatenate([c.halves for c in chosen]), mean))
        parts.append(
            (np.concatenate([c.symbols for c in chosen]), np.concatenate([c.rows for c in chosen]))
        )
    split = [(_of_streams(s, streams), _of_streams(r, streams)) for s, r in parts]
    return Coded(split, codes_all)


def _of_streams(x: NDArray[Any], streams: int) -> NDArray[Any]:
    return x.reshape(streams, len(x) // streams, *x.shape[1:])


def _latents(
    images: Pixels,
    quality: int,
    decoder: DecoderModel,
    encoder: EncoderModel,
    backend: Backend,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Latents in sixteenths of a step (N, h, w, M), and which images were decoded before (N,)."""
    if encoder.pixel_fraction != decoder.pixel_fraction:
        raise WeightsError("encoder and decoder weights differ in their pixels' fractions")
    pixels = _padded(images, decoder.stride).transpose(0, 2, 3, 1)
    given = _analysis_inputs(pixels, encoder.pixel_fraction)
    latents = backend.run(encoder.networks["analysis"], given, quality)["y"]
    y = in_steps(encoder, latents, quality)
    is_decoded = _look_decoded(y, quality, decoder)
    if is_decoded.any():
        restored = latents[is_decoded]
        if "restoring" in encoder.networks:
            again = {name: tensor[is_decoded] for name, tensor in given.items()}
            restored = backend.run(encoder.networks["restoring"], again, quality)["restored"]
        y[is_decoded] = in_steps(encoder, restored, quality, is_decoded=True)
    return y, is_decoded


def _look_decoded(y: NDArray[np.int32], quality: int, decoder: DecoderModel) -> NDArray[np.bool_]:
    first = decoder.passes[0]
    if first.has_mean:  # whose latents lie near halves of steps about a mean not known yet
        return np.zeros(len(y), bool)
    positions = positions_of(first.phase, *y.shape[1:3])
    group = y[..., decoder.group_slices[first.group - 1]]
    rest = group.reshape(len(y), -1, group.shape[-1])
    if positions is not None:
        rest = rest[:, positions]
    classes = np.zeros(rest.shape[1:], np.uint8)
    nearest = [quantize(image, classes, decoder.tables, price=0).halves for image in rest]
    return look_decoded(rest, np.stack(nearest), quality)


def decode_streams(
    streams: Sequence[bytes],
    shape: tuple[int, int, int],
    quality: int,
    *,
    decoder: DecoderModel,
    backend: Backend,
) -> Pixels:
    """Decode streams of one shape; the inverse of `encode_streams` as far as there is one.

    Parameters
    ----------
    streams : sequence of bytes
        Each begins with the byte that says whether all its symbols are coded.
    shape : (n, H, W)
        Images per stream, and their size in pixels.
    quality : int

    Returns
    -------
    ndarray of uint8 or uint16, shape (len(streams) * n, C, H, W)

    Raises
    ------
    BitstreamError
        If a stream is damaged.
    """
    images, height, width = shape
    h, w = -(-height // decoder.stride), -(-width // decoder.stride)
    codes_all = np.repeat([_codes_all(stream) for stream in streams], images)
    readers = [SymbolDecoder(stream[1:]) for stream in streams]
    walk = Walk(decoder, backend, quality, (h, w), codes_all)
    n = images * len(streams)
    around = decoder.hyper_stride
    indexes = walk.hyper_indexes((n, -(-h // around), -(-w // around)))
    z = _read(readers, indexes, decoder) + decoder.hyper_mean[quality]
    walk.begin(np.clip(z, -decoder.hyper_limit, decoder.hyper_limit))
    for step in decoder.passes:
        mean, indexes = walk.parameters(step)
        halves = _read(readers, indexes, decoder, is_trellis=True)
        walk.add(step, latents_of(halves, mean))
    for reader in readers:
        reader.finish()
    pixels = backend.run_to_pixels(decoder.networks["synthesis"], walk.dequantized, quality)
    return pixels[:, :, :height, :width]


def _codes_all(stream: bytes) -> bool:
    if stream[:1] not in (b"\0", b"\1"):
        raise BitstreamError(f"lossy section begins with {stream[:1]!r}; expected a byte of 0 or 1")
    return stream[0] == 1


def _analysis_inputs(pixels: Pixels, fraction: int) -> dict[str, NDArray[np.float32]]:
    """Whole grey levels about 0, and the bits below them: both are small enough for products."""
    if fraction == 0:
        return {"x": pixels.astype(np.float32) - LEVEL_CENTRE}
    return {
        "x": (pixels >> fraction).astype(np.float32) - LEVEL_CENTRE,
        "x_fraction": (pixels & ((1 << fraction) - 1)).astype(np.float32),
    }


def _hyper_latents(
    y: NDArray[np.int32],
    quality: int,
    decoder: DecoderModel,
    encoder: EncoderModel,
    backend: Backend,
) -> NDArray[np.int32]:
    h, w = y.shape[1:3]
    around = decoder.hyper_stride
    padded = np.pad(y, ((0, 0), (0, -h % around), (0, -w % around), (0, 0)), mode="edge")
    network = encoder.networks["hyper_analysis"]
    return backend.run(network, {"y": padded.astype(np.float32)}, quality)["z"].astype(np.int32)


def _read(
    readers: Sequence[SymbolDecoder],
    indexes: NDArray[np.uint8],
    decoder: DecoderModel,
    *,
    is_trellis: bool = False,
) -> NDArray[np.int32]:
    """The next part of every stream: int32 of the shape of `indexes`."""
    shares = np.array_split(indexes, len(readers))
    parts = [
        reader.decode(share.ravel(), decoder.tables, is_trellis=is_trellis)
        for reader, share in zip(readers, shares, strict=True)
    ]
    symbols = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return symbols.reshape(indexes.shape)


def _padded(images: Pixels, stride: int) -> Pixels:
    """Images extended to multiples of the stride by repeating their last row and column."""
    height, width = images.shape[2:]
    if height % stride == 0 and width % stride == 0:
        return images
    return np.pad(
        images, ((0, 0), (0, 0), (0, -height % stride), (0, -width % stride)), mode="edge"
    )
