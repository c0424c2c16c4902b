"""Pixels through the networks to payloads of the lossy mode (SPEC.md, section 6).

Images are encoded in batches of equal size, since a device is busy only with many at once; each
payload is what it would be alone.

An image that was decoded from a chunk of this quality before gets its old symbols again: its
latents are known by lying near whole steps, they are rounded to the nearest, and none of them is
skipped as too improbable to code. So generations lose next to nothing.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.walk import Walk
from numcodecs_neural.entropy.enc_quantizer import quantize
from numcodecs_neural.entropy.enc_stream import encode_symbols
from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.backends.protocol import Backend, Tensor
from numcodecs_neural.networks.dec_model import LEVEL_CENTRE, DecoderModel
from numcodecs_neural.networks.description import Pixels
from numcodecs_neural.networks.enc_latents import in_steps, look_decoded, with_noise
from numcodecs_neural.networks.enc_model import EncoderModel
from numcodecs_neural.networks.passes import Pass, positions_of

__all__ = ["Coded", "encode_streams", "symbols_and_rows"]


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
    symbols = backend.to_host(z, np.int32) - decoder.hyper_mean[quality]
    parts = [(symbols, walk.hyper_indexes(symbols.shape))]
    walk.begin(z)
    for step in decoder.passes:
        indexes = walk.indexes(step)
        wanted = _of_pass(y, step, decoder)
        rest = np.subtract(wanted, walk.mean(), dtype=np.int32)
        chosen = [
            quantize(part, classes, decoder.tables, 0 if keeps_all else encoder.price)
            for part, classes, keeps_all in zip(
                np.split(rest, streams), np.split(indexes, streams), codes_all, strict=True
            )
        ]
        walk.add(step, np.concatenate([c.halves for c in chosen]))
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
    given = _analysis_inputs(pixels, encoder.pixel_fraction, backend)
    results = backend.run(encoder.networks["analysis"], given, quality, ("y",))
    latents = backend.to_host(results["y"], np.float32)
    y = in_steps(encoder, latents, quality)
    is_decoded = _look_decoded(y, quality, decoder)
    if is_decoded.any():
        restored = latents[is_decoded]
        if "restoring" in encoder.networks:
            network, which = encoder.networks["restoring"], np.flatnonzero(is_decoded).tolist()
            again = {name: tensor[which] for name, tensor in given.items()}
            results = backend.run(network, again, quality, ("restored",))
            restored = backend.to_host(results["restored"], np.float32)
        y[is_decoded] = in_steps(encoder, restored, quality, is_decoded=True)
    return y, is_decoded


def _look_decoded(y: NDArray[np.int32], quality: int, decoder: DecoderModel) -> NDArray[np.bool_]:
    first = decoder.passes[0]
    if first.has_mean:  # whose latents lie near halves of steps about a mean not known yet
        return np.zeros(len(y), bool)
    rest = _of_pass(y, first, decoder)
    classes = np.zeros(rest.shape[1:], np.uint8)
    nearest = [quantize(image, classes, decoder.tables, price=0).halves for image in rest]
    return look_decoded(rest, np.stack(nearest), quality)


def _of_pass(y: NDArray[np.int32], step: Pass, decoder: DecoderModel) -> NDArray[np.int32]:
    """Latents (N, h, w, M) of a pass: (N, positions, channels of its group)."""
    positions = positions_of(step.phase, *y.shape[1:3])
    group = y[..., decoder.group_slices[step.group - 1]]
    flat = group.reshape(len(y), -1, group.shape[-1])
    return flat if positions is None else np.take(flat, positions, 1)


def _analysis_inputs(pixels: Pixels, fraction: int, backend: Backend) -> dict[str, Tensor]:
    """Whole grey levels about 0, and the bits below them: both are small enough for products."""
    x = backend.to_device(pixels)
    if fraction == 0:
        return {"x": backend.floats(x) - LEVEL_CENTRE}
    return {
        "x": backend.floats(x >> fraction) - LEVEL_CENTRE,
        "x_fraction": backend.floats(x & ((1 << fraction) - 1)),
    }


def _hyper_latents(
    y: NDArray[np.int32],
    quality: int,
    decoder: DecoderModel,
    encoder: EncoderModel,
    backend: Backend,
) -> Tensor:
    h, w = y.shape[1:3]
    around = decoder.hyper_stride
    padded = np.pad(y, ((0, 0), (0, -h % around), (0, -w % around), (0, 0)), mode="edge")
    network = encoder.networks["hyper_analysis"]
    given = {"y": backend.floats(backend.to_device(padded))}
    return backend.run(network, given, quality, ("z",))["z"]


def _padded(images: Pixels, stride: int) -> Pixels:
    """Images extended to multiples of the stride by repeating their last row and column."""
    height, width = images.shape[2:]
    if height % stride == 0 and width % stride == 0:
        return images
    return np.pad(
        images, ((0, 0), (0, 0), (0, -height % stride), (0, -width % stride)), mode="edge"
    )
