# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[evaluate]", "imagecodecs", "numpy", "pillow", "torch"]
# ///
"""Chest X-rays without loss: ours, PNG, JPEG-LS, JPEG 2000, JPEG XL, and autoencoders.

python xray_lossless.py FOLDER [--work WORK] [--repeats 5]

WORK holds what ``xray_autoencoders.py`` trained. An autoencoder's file is its latents, rounded and
coded by static tables of its prior, and a PNG of the difference to its rounded reconstruction,
modulo 256. Every file is decoded and compared. Sizes are whole files, headers included; times are
of a core, the least of the repeats, in the mean over images.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import imagecodecs
import numpy as np
import torch
from papers_autoencoders import NAMES
from papers_common import table
from papers_difference import Parts, Scheme, png
from papers_xrays import read_squares

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.peers.codecs import JPEG2K, JPEGXL, LOSSLESS_DB, Peer, Samples

GREY = Samples(is_rgb=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coder:
    """What is compared, as functions of an image and of its file."""

    title: str
    encode: Callable[[np.ndarray], bytes]
    decode: Callable[[bytes], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one image: bits a pixel, and nanoseconds a pixel."""

    bpp: float
    encode_ns: float
    decode_ns: float


def main() -> None:
    options = parse()
    config.set(device="numpy", threads=1)
    images = read_squares(options.folder, held_back=True)
    schemes = [Scheme(name, options.work) for name in NAMES] if options.work else []
    theirs = [Coder(title=s.title, encode=s.encode, decode=s.decode) for s in schemes]
    results = {}
    for coder in [ours(), *peers(), *theirs]:
        results[coder.title] = [measure(coder, image, options.repeats) for image in images]
    print(f"{len(images)} images held back, of {images[0].shape[0]} x {images[0].shape[1]}\n")
    print(sizes(results))
    if schemes:
        print(parts((scheme, [scheme.parts(image) for image in images]) for scheme in schemes))


def ours() -> Coder:
    codec = NeuralImage(max_error=0)
    return Coder(title="ours", encode=codec.encode, decode=lambda b: np.asarray(codec.decode(b)))


def peers() -> list[Coder]:
    return [
        Coder(title="PNG", encode=png, decode=imagecodecs.png_decode),
        Coder(
            title="JPEG-LS",
            encode=lambda image: bytes(imagecodecs.jpegls_encode(image)),
            decode=imagecodecs.jpegls_decode,
        ),
        peer(JPEG2K, LOSSLESS_DB),
        peer(JPEGXL, 0),
    ]


def peer(codec: Peer, setting: float) -> Coder:
    return Coder(
        title=codec.title,
        encode=lambda image: codec.encode(image[..., None], setting, GREY),
        decode=lambda stored: codec.decode(stored, GREY)[..., 0],
    )


def measure(coder: Coder, image: np.ndarray, repeats: int) -> Result:
    """Encode and decode one image.

    Raises
    ------
    SystemExit
        If what is decoded differs.
    """
    stored, encode_s = timed(lambda: coder.encode(image), repeats)
    decoded, decode_s = timed(lambda: coder.decode(stored), repeats)
    if not np.array_equal(decoded, image):
        raise SystemExit(f"{coder.title} lost something")
    return Result(
        bpp=8 * len(stored) / image.size,
        encode_ns=1e9 * encode_s / image.size,
        decode_ns=1e9 * decode_s / image.size,
    )


def timed(call: Callable[[], object], repeats: int) -> tuple[object, float]:
    """Return a result, and the least seconds of a core that it took."""
    least = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        result = call()
        least = min(least, time.process_time() - start)
    return result, least


def sizes(results: dict[str, list[Result]]) -> str:
    """Return rates and times; percentages are those of the mean rates."""
    means = {title: fmean(r.bpp for r in of) for title, of in results.items()}
    bases = ("PNG", JPEGXL.title)
    rows = [
        (
            title,
            f"{means[title]:.3f}",
            *(f"{100 * (means[title] / means[base] - 1):+.1f} %" for base in bases),
            f"{fmean(r.encode_ns for r in of):.0f}",
            f"{fmean(r.decode_ns for r in of):.0f}",
        )
        for title, of in results.items()
    ]
    against = [f"against {base}" for base in bases]
    times = ["encode (ns/px)", "decode (ns/px)"]
    return table(["", "bits per pixel", *against, *times], rows)


def parts(schemes: Iterable[tuple[Scheme, Sequence[Parts]]]) -> str:
    """Return what the files of the autoencoders are made of."""
    rows = [
        (
            scheme.title,
            f"{scheme.weights:,}",
            f"{scheme.steps:,}",
            f"{fmean(part.latents_bpp for part in of):.3f}",
            f"{fmean(part.difference_bpp for part in of):.3f}",
            f"{fmean(part.psnr for part in of):.1f}",
        )
        for scheme, of in schemes
    ]
    bits = ["bits of latents", "bits of the difference"]
    return table(["", "weights", "steps", *bits, "PSNR (dB) of the reconstruction"], rows)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="X-rays, grey of 8 bits")
    parser.add_argument("--work", type=Path, help="folder of trained autoencoders")
    parser.add_argument("--repeats", type=int, default=5, help="of each call (5)")
    return parser.parse_args()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
