"""PlainSource: pictures without tiles, from PNG to JPEG XL, held in memory."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.series import check_series, image_name
from numcodecs_neural.files.units import microns, sane_mpp
from numcodecs_neural.jpeg.mosaic import Mosaic

from ...geometry.levels import Region
from ..base import Associated, Compression, FileSource, Frame, JpegTiles, SlideInfo
from ..codestreams import compression_steps
from ..jpeg2000 import check_jpeg2000
from .jpeg_picture import JpegPicture

__all__ = ["PlainSource", "open_source"]

# What is held in memory has a limit: a gigapixel of RGB is 3 GB.
MAX_PIXELS = 1 << 30
# Four samples of 16 bits a pixel, which no codec here makes larger.
MAX_NBYTES = 8 * MAX_PIXELS
# What Pillow tells the kind of a file by.
_HEAD_NBYTES = 16
_ORIENTATION = 0x0112
# Orientations that Exif counts: which to transpose, then which axes to flip.
_TURNS = {
    1: (False, ()),
    2: (False, (1,)),
    3: (False, (0, 1)),
    4: (False, (0,)),
    5: (True, ()),
    6: (True, (1,)),
    7: (True, (0, 1)),
    8: (True, (0,)),
}
# As Pillow calls what is read here. Of its other formats some lose pages or bits, and one starts a
# program; and names of files may lie.
_FORMATS = ("BMP", "DIB", "JPEG", "JPEG2000", "PNG", "WEBP")
# A JPEG of several pictures holds one photograph, and what belongs to it.
_PHOTOGRAPH = "MPO"
_JXL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
# Pillow guards against large pictures by a variable of its module.
_limit_lock = threading.Lock()
_DECODE_ERRORS = (
    *(ImportError, IndexError, MemoryError, OSError, OverflowError, RuntimeError),
    *(SyntaxError, TypeError, ValueError, Image.DecompressionBombError),
)


def open_source(path: Path, *, series: int = 0) -> "PlainSource":
    """Open a picture."""
    return PlainSource(path, series)


class PlainSource(FileSource):
    """A picture without tiles.

    It is decoded when it is opened and stays in memory as a whole. Palettes and CMYK become RGB,
    transparency is dropped, and it is turned upright as its Exif says.

    Parameters
    ----------
    path : Path
        The file.
    series : int
        0: a picture is one image.

    Raises
    ------
    SourceError
        If it is no picture, of more than 2^30 pixels or 8 GiB, damaged, or of samples other than 8
        or 16 bits.
    """

    def __init__(self, path: Path, series: int = 0) -> None:
        check_series(path, series, 1)
        self._path, self._series = path, series
        try:
            _check_head(path)
            data = path.read_bytes()
            picture = _decode(path, data)
        except SourceError:
            raise
        except UnidentifiedImageError as exc:
            raise _unknown(path, data) from exc
        except _DECODE_ERRORS as exc:
            raise SourceError(f"{path} does not decode as a picture: {exc}") from exc
        self._jpeg = picture.jpeg
        self._pixels = _checked(path, picture.pixels)
        self._info = _describe(path, picture, self._pixels)

    def read_region(self, region: Region, level: int = 0, frame: Frame = ()) -> NDArray[Any]:
        """Return pixels of level 0, the only one: shape (height, width, samples)."""
        return self._pixels[region.slices].copy()

    def read_associated(self, name: Associated) -> NDArray[np.uint8] | None:
        """Return None: a picture has no label."""
        return None

    def jpeg_tiles(self, level: int = 0) -> JpegTiles:
        """Return the only tile of a JPEG file, which can be cut, or why it is of no use."""
        return super().jpeg_tiles() if self._jpeg is None else self._jpeg.tiles

    def read_mosaic(self, region: Region, level: int = 0, frame: Frame = ()) -> Mosaic:
        """Return the window of a JPEG file that `region` needs, as `SlideSource` says."""
        return super().read_mosaic(region) if self._jpeg is None else self._jpeg.mosaic(region)

    def jpeg_file(self) -> bytes | None:
        """Return the file if it is a JPEG whose coefficients are kept."""
        return None if self.jpeg_tiles().reason is not None else self._path.read_bytes()

    def close(self) -> None:
        """Let go of coefficients; nothing is open."""
        if self._jpeg is not None:
            self._jpeg.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    pixels: NDArray[Any]
    history: tuple[Compression, ...]
    size_bytes: int
    mpp: tuple[float, float] | None = None
    icc_profile: bytes | None = None
    jpeg: JpegPicture | None = None


def _decode(path: Path, data: bytes) -> _Picture:
    if data.startswith(_JXL):
        # Turned upright by its decoder.
        pixels = imagecodecs.jpegxl_decode(data)
        steps = compression_steps("JXL", data, raw_nbytes=pixels.nbytes)
        return _Picture(pixels=pixels, history=steps, size_bytes=len(data))
    with _no_limit(), Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise SourceError(
                f"{path} has {image.width} x {image.height} pixels, and a picture without tiles is "
                f"read as a whole, up to {MAX_PIXELS:,}: convert it to a tiled TIFF first"
            )
        count = getattr(image, "n_frames", 1)
        if count > 1 and image.format != _PHOTOGRAPH:
            raise SourceError(
                f"{path} holds {count} pictures one after the other: save them one by one"
            )
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1), _TURNS[1])
        if image.format == "JPEG2000":
            check_jpeg2000(data)
        pixels = _turned(_samples(image, data), turn)
        samples = 1 if pixels.ndim == 2 else pixels.shape[2]
        is_jpeg, is_turned = image.format in ("JPEG", _PHOTOGRAPH), turn != _TURNS[1]
        return _Picture(
            pixels=pixels,
            history=compression_steps(
                image.format or "",
                data,
                raw_nbytes=pixels.nbytes,
                tables=getattr(image, "quantization", None),
            ),
            size_bytes=len(data),
            mpp=_mpp(image, is_transposed=turn[0]),
            icc_profile=image.info.get("icc_profile"),
            jpeg=JpegPicture.of(path, data, samples=samples, is_turned=is_turned)
            if is_jpeg
            else None,
        )


def _check_head(path: Path) -> None:
    """Refuse what is no picture before it is read: a file may be of any size, and sparse."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD_NBYTES)
    if not _begins_like_a_picture(head):
        raise _unknown(path, head)
    if size > MAX_NBYTES:
        raise SourceError(
            f"{path} has {size:,} bytes, and a picture without tiles is read as a whole, up to "
            f"{MAX_NBYTES:,}: convert it to a tiled TIFF first"
        )


def _begins_like_a_picture(head: bytes) -> bool:
    Image.init()
    tests = (Image.OPEN[name][1] for name in _FORMATS if name in Image.OPEN)
    return head.startswith(_JXL) or any(test is None or test(head) for test in tests)


def _unknown(path: Path, data: bytes) -> SourceError:
    return SourceError(f"{path} is not a picture of a kind that is read here ({_hint(data)})")


def _hint(data: bytes) -> str:
    """Return what may help with a file that is none of these pictures."""
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "it is a TIFF: name it .tif"
    return "these are PNG, JPEG, BMP, WebP, JPEG 2000 and JPEG XL: save it as PNG"


@contextmanager
def _no_limit() -> Iterator[None]:
    """Lift Pillow's limit of 90 megapixels, which warns of half a slide; ours is in its place."""
    with _limit_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _samples(image: Image.Image, data: bytes) -> NDArray[Any]:
    """Return the stored samples: grey (y, x), or RGB (y, x, 3) without transparency."""
    # Pillow reduces colours of 16 bits to 8.
    if image.format == "PNG" and data[24] == 16:
        return np.asarray(imagecodecs.png_decode(data))
    if image.format == "JPEG2000":
        return np.asarray(imagecodecs.jpeg2k_decode(data))
    if image.mode in ("L", "RGB", "I;16", "I;16B", "I", "F"):
        return np.asarray(image)
    if image.mode in ("1", "LA", "La"):
        return np.asarray(image.convert("L"))
    if image.mode == "RGBA":
        return np.asarray(image)[..., :3]
    return np.asarray(image.convert("RGB"))


def _turned(pixels: NDArray[Any], turn: tuple[bool, tuple[int, ...]]) -> NDArray[Any]:
    is_transposed, flipped = turn
    if is_transposed:
        pixels = np.swapaxes(pixels, 0, 1)
    return np.flip(pixels, flipped)


def _mpp(image: Image.Image, *, is_transposed: bool) -> tuple[float, float] | None:
    x, y = (float(dpi) for dpi in image.info.get("dpi", (0, 0)))
    if is_transposed:
        x, y = y, x
    if x <= 0 or y <= 0:
        return None
    return sane_mpp(microns(1 / y, "inch"), microns(1 / x, "inch"))


def _checked(path: Path, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the pixels as (height, width, samples), or refuse what has no such form."""
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.ndim != 3 or pixels.dtype not in (np.uint8, np.uint16) or 0 in pixels.shape:
        raise SourceError(
            f"{path} holds samples of type {pixels.dtype} in the shape {pixels.shape}; pictures "
            "without tiles are read with 8 or 16 bits, grey or RGB"
        )
    # Of 2 or 4 samples the last is transparency.
    return np.ascontiguousarray(pixels[..., : 3 if pixels.shape[2] >= 3 else 1])


def _describe(path: Path, picture: _Picture, pixels: NDArray[Any]) -> SlideInfo:
    return SlideInfo(
        name=image_name(path),
        level_shapes=((pixels.shape[0], pixels.shape[1]),),
        mpp=picture.mpp,
        history=picture.history,
        size_bytes=picture.size_bytes,
        dtype=pixels.dtype,
        samples=pixels.shape[2],
        icc_profile=picture.icc_profile,
    )
