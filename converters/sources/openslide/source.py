"""OpenSlideSource: slides that OpenSlide alone reads here, such as MIRAX and Hamamatsu VMS."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from openslide import (
    PROPERTY_NAME_BACKGROUND_COLOR,
    PROPERTY_NAME_MPP_X,
    PROPERTY_NAME_MPP_Y,
    PROPERTY_NAME_OBJECTIVE_POWER,
    OpenSlide,
    OpenSlideError,
)
from PIL import Image

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.series import check_series, image_name
from numcodecs_neural.files.units import number, sane_mpp

from ...geometry.levels import Region
from ..base import Associated, Compression, FileSource, Frame, SlideInfo

__all__ = ["OpenSlideSource", "compression_steps", "files_nbytes", "open_source"]

_WHITE = "FFFFFF"
# A small file, and its pixels in a folder of the same name.
_WITH_FOLDER = (".mrxs",)
# A text file that names the files of pixels beside it, one a line: ImageFile=slide_map2.jpg.
_WITH_LIST = (".vms", ".vmu")
_VENDOR = "openslide.vendor"
# The first section of a MIRAX index that says how a level is stored is that of level 0.
_MIRAX_FORMAT = "mirax.LAYER_0_LEVEL_0_SECTION.IMAGE_FORMAT"
_MIRAX_QUALITY = "mirax.LAYER_0_LEVEL_0_SECTION.IMAGE_COMPRESSION_FACTOR"
_LOSSLESS = ("png", "bmp", "bmp24")
# These have no choice.
_METHOD_OF_SUFFIX = {".vms": "jpeg", ".svslide": "jpeg", ".vmu": ""}


def open_source(path: Path, *, series: int = 0) -> "OpenSlideSource":
    """Open a slide."""
    return OpenSlideSource(path, series)


class OpenSlideSource(FileSource):
    """A slide that OpenSlide reads, as 8-bit RGB.

    What the scanner left out has the slide's background colour, or white.

    Where a level is not smaller than level 0 by a whole factor, its regions are read to within
    half a pixel of level 0, since OpenSlide takes places in pixels of that level only.

    Parameters
    ----------
    path : Path
        The file.
    series : int
        0: OpenSlide shows one image of each slide.

    Raises
    ------
    SourceError
        If OpenSlide does not read it, or the folder beside it is missing.
    """

    not_jpeg = "OpenSlide composes its pixels, and gives no tiles"

    def __init__(self, path: Path, series: int = 0) -> None:
        check_series(path, series, 1)
        self._path, self._series = path, series
        _check_files(path)
        try:
            self._slide = OpenSlide(path)
        except OpenSlideError as exc:
            raise SourceError(f"{path} cannot be read by OpenSlide: {exc}") from exc
        self._background = _color(self._slide.properties.get(PROPERTY_NAME_BACKGROUND_COLOR))
        self._info = _describe(path, self._slide)
        self._is_closed = False

    def read_region(self, region: Region, level: int = 0, frame: Frame = ()) -> NDArray[np.uint8]:
        """Return the pixels of `region`, shape (height, width, 3)."""
        downsample = self._slide.level_downsamples[level]
        place = round(region.x * downsample), round(region.y * downsample)
        try:
            image = self._slide.read_region(place, level, (region.width, region.height))
        except OpenSlideError as exc:
            raise SourceError(
                f"{self._path}: the {region.width} x {region.height} pixels at row {region.y}, "
                f"column {region.x} of level {level} do not decode: {exc}"
            ) from exc
        return _opaque(image, self._background)

    def read_associated(self, name: Associated) -> NDArray[np.uint8] | None:
        """Return the picture of the slide's label or of the whole glass, if there is one."""
        try:
            image = self._slide.associated_images.get(name)
        except OpenSlideError as exc:
            raise SourceError(f"{self._path}: its {name} picture does not decode: {exc}") from exc
        return None if image is None else _opaque(image, _color(None))

    def close(self) -> None:
        """Close the file, once: OpenSlide refuses to do so again."""
        if not self._is_closed:
            self._slide.close()
        self._is_closed = True


def _opaque(image: Image.Image, background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return RGBA pixels as RGB on a background."""
    pixels = np.asarray(image)
    alpha = pixels[..., 3:]
    if alpha.min(initial=255) == 255:
        return np.ascontiguousarray(pixels[..., :3])
    weighted = pixels[..., :3] * alpha.astype(np.uint32) + background * (
        255 - alpha.astype(np.uint32)
    )
    blended: NDArray[np.uint8] = ((weighted + 127) // 255).astype(np.uint8)
    return blended


def _color(digits: str | None) -> NDArray[np.uint8]:
    """Return the colour that six hexadecimal digits name, shape (3,); white if they do not."""
    with contextlib.suppress(ValueError):
        found = bytes.fromhex(digits or _WHITE)
        if len(found) == 3:
            return np.frombuffer(found, np.uint8)
    return np.frombuffer(bytes.fromhex(_WHITE), np.uint8)


def _describe(path: Path, slide: OpenSlide) -> SlideInfo:
    shapes = tuple((height, width) for width, height in slide.level_dimensions)
    size_bytes = files_nbytes(path)
    raw_nbytes = 3 * shapes[0][0] * shapes[0][1]
    y, x, power = (
        number(slide.properties.get(name))
        for name in (PROPERTY_NAME_MPP_Y, PROPERTY_NAME_MPP_X, PROPERTY_NAME_OBJECTIVE_POWER)
    )
    return SlideInfo(
        name=image_name(path),
        level_shapes=shapes,
        mpp=sane_mpp(y, x),
        history=compression_steps(slide.properties, path, ratio=raw_nbytes / size_bytes),
        size_bytes=size_bytes,
        magnification=power,
        icc_profile=_icc_profile(slide),
    )


def _icc_profile(slide: OpenSlide) -> bytes | None:
    profile = slide.color_profile
    return None if profile is None else profile.tobytes()


def _check_files(path: Path) -> None:
    """Refuse a slide whose pixels are not beside it; names the folder that is missing."""
    folder = path.with_suffix("")
    if path.suffix.lower() in _WITH_FOLDER and not folder.is_dir():
        raise SourceError(
            f"{path} is only a part of its slide: the pixels are in a folder {folder.name} that "
            f"belongs beside it, and {folder.parent} has none; copy both"
        )


def files_nbytes(path: Path) -> int:
    """Return the size of all files of the slide."""
    return sum(file.stat().st_size for file in {path, *_companions(path)})


def _companions(path: Path) -> Iterator[Path]:
    if path.suffix.lower() in _WITH_FOLDER:
        yield from (file for file in path.with_suffix("").rglob("*") if file.is_file())
    if path.suffix.lower() in _WITH_LIST:
        for line in path.read_text("latin-1").splitlines():
            name = line.partition("=")[2].strip()
            if name and (path.parent / name).is_file():
                yield path.parent / name


def compression_steps(
    properties: Mapping[str, str], path: Path, *, ratio: float
) -> tuple[Compression, ...]:
    """Return the lossy step that the pixels went through, or that they may have.

    Parameters
    ----------
    properties : mapping
        Of the slide, as OpenSlide gives them.
    path : Path
        The file; of some kinds, the suffix tells.
    ratio : float
        Raw bytes of level 0 over the size of the files.
    """
    rounded = round(ratio, 2)
    if properties.get(_VENDOR) == "mirax" and _MIRAX_FORMAT in properties:
        method = properties[_MIRAX_FORMAT].lower()
        quality = properties.get(_MIRAX_QUALITY, "")
        stated = int(quality) if quality.isdecimal() else None
        if method in _LOSSLESS:
            return ()
        return (Compression(method=method, quality=stated, ratio=rounded),)
    method = _METHOD_OF_SUFFIX.get(path.suffix.lower(), "unknown")
    if not method:
        return ()
    note = {"note": "OpenSlide does not tell how the pixels are stored"}
    details = note if method == "unknown" else {}
    return (Compression(method=method, ratio=rounded, details=details),)
