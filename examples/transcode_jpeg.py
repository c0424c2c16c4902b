# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural", "imagecodecs", "pillow", "scikit-image"]
# ///
"""How many bytes does a JPEG take that is kept exactly? By this codec, JPEG XL and Lepton.

python transcode_jpeg.py [FILE...]     JPEG files; without any, the tissue in scikit-image, made one

Each file is one chunk, header included, whose pixels are compared with libjpeg's. JPEG XL
transcodes at effort 7, from which the file can be had back; so can it from Lepton, where
lepton-jpeg-python is installed. Files with metadata favour this codec, which leaves these out.
"""

import importlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import PIL.Image
import skimage.data

from numcodecs_neural import NeuralImage
from numcodecs_neural.codec import mosaic_of
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.offers import offered


def main(arguments: list[str]) -> None:
    files = [Path(path).read_bytes() for path in arguments] or [made_here()]
    tools = {"JPEG XL": jpegxl, "this codec": ours} | lepton()
    sizes = {name: sum(len(tool(jpeg)) for jpeg in files) for name, tool in tools.items()}
    whole = sum(map(len, files))
    print(f"{len(files)} files, {whole} bytes")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"{name:12} {size:10d}  {100 * size / whole - 100:+.1f} %")


def ours(jpeg: bytes) -> bytes:
    """Return the chunk that keeps a JPEG file."""
    pixels = imagecodecs.jpeg8_decode(jpeg)
    is_grey = pixels.ndim == 2
    codec = NeuralImage("grey-fast") if is_grey else NeuralImage("he-fast", channel_axis=-1)
    with offered([(pixels, 0 if is_grey else -1, Mosaic.from_tiles([[jpeg]]))]):
        chunk = codec.encode(pixels)
    if mosaic_of(chunk) is None:
        raise SystemExit("a file cannot be kept exactly")
    assert (codec.decode(chunk) == pixels).all()
    return chunk


def jpegxl(jpeg: bytes) -> bytes:
    return imagecodecs.jpegxl_encode_jpeg(jpeg, numthreads=1)


def lepton() -> dict[str, Callable[[bytes], bytes]]:
    """Return Lepton's encoder under its name; nothing where it is not installed."""
    try:
        module = importlib.import_module("lepton_jpeg_python")
    except ImportError:
        return {}
    return {"Lepton": lambda jpeg: module.compress_bytes(jpeg, {"max_partitions": 1})}


def made_here() -> bytes:
    out = io.BytesIO()
    image = PIL.Image.fromarray(skimage.data.immunohistochemistry())
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
