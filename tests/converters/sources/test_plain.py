"""Pictures without tiles: samples, orientations, profiles, what is lost, and what is damaged."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import Compression, open_source
from numcodecs_neural.converters.sources.plain import source as plain
from numcodecs_neural.errors import SourceError
from tests.annotations import Rng

HEIGHT, WIDTH = 61, 83


@pytest.fixture
def color(tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture (y, x, 3) of odd size."""
    return np.ascontiguousarray(np.moveaxis(tissue[:, :HEIGHT, :WIDTH], 0, -1))


@pytest.fixture
def save(color: NDArray[np.uint8], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that saves the picture as Pillow does."""

    def write(name: str, **options: Any) -> Path:
        Image.fromarray(color).save(tmp_path / name, **options)
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("begin", "says"),
    [
        pytest.param(b"", "is not a picture of a kind", id="zeros"),
        pytest.param(b"\xff\xd8\xff\xe0", "has 20,000,000,000 bytes", id="a JPEG's first bytes"),
    ],
)
def test_a_huge_sparse_file_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: bytes, says: str
) -> None:
    path = tmp_path / "sparse.jpg"
    with path.open("wb") as file:
        file.write(begin)
        file.truncate(20_000_000_000)
    monkeypatch.delattr(Path, "read_bytes")

    with pytest.raises(SourceError, match=f"sparse.jpg {says}"):
        open_source(path)


def whole(path: Path) -> NDArray[Any]:
    source = open_source(path)
    pixels: NDArray[Any] = source.read_region(Region(0, 0, *source.info.shape))
    return pixels


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "jp2", "jxl"])
def test_lossless_pictures_come_back_as_they_were(
    color: NDArray[np.uint8], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"picture.{suffix}"
    if suffix == "jxl":
        path.write_bytes(imagecodecs.jpegxl_encode(color, lossless=True))
    elif suffix == "jp2":
        path.write_bytes(imagecodecs.jpeg2k_encode(color, reversible=True, codecformat="jp2"))
    else:
        # Formats without that choice take no notice of it.
        Image.fromarray(color).save(path, lossless=True)

    source = open_source(path)

    info = source.info
    assert (info.name, info.shape, info.samples) == ("picture", (HEIGHT, WIDTH), 3)
    assert (info.dtype.name, info.mpp, info.size_bytes) == ("uint8", None, path.stat().st_size)
    assert (info.history == ()) == (suffix != "jxl")
    assert (source.read_region(Region(5, 7, 50, 60)) == color[5:55, 7:67]).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_stay_16_bits_and_transparency_is_dropped(
    rng: Rng, tmp_path: Path, channels: int
) -> None:
    pixels = rng.integers(0, 65536, (HEIGHT, WIDTH, channels)).astype(np.uint16)
    path = tmp_path / "picture.png"
    path.write_bytes(imagecodecs.png_encode(pixels[..., 0] if channels == 1 else pixels))

    found = whole(path)

    kept = 3 if channels >= 3 else 1
    assert found.dtype == np.uint16
    assert found.shape == (HEIGHT, WIDTH, kept)
    assert (found == pixels[..., :kept]).all()


@pytest.mark.parametrize(
    ("mode", "samples"),
    [("L", 1), ("1", 1), ("LA", 1), ("P", 3), ("RGBA", 3), ("CMYK", 3)],
)
def test_every_mode_becomes_grey_or_rgb(
    color: NDArray[np.uint8], tmp_path: Path, mode: str, samples: int
) -> None:
    image = Image.fromarray(color).convert(mode)
    path = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.png")
    image.save(path, quality=100, subsampling=0)

    found = whole(path)

    expected = np.atleast_3d(np.asarray(image.convert("RGB" if samples == 3 else "L")))
    assert found.shape == (HEIGHT, WIDTH, samples)
    assert np.abs(found.astype(int) - expected).max() <= (4 if mode == "CMYK" else 0)


def test_transparent_pixels_keep_their_colour(tmp_path: Path) -> None:
    pixels = np.full((9, 9, 4), (10, 20, 30, 0), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")

    assert (whole(tmp_path / "picture.png") == (10, 20, 30)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(save: Callable[..., Path], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save("picture.png", exif=exif, dpi=(25400, 50800))

    source = open_source(path)

    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert source.info.mpp == pytest.approx((0.5, 1.0) if orientation < 5 else (1.0, 0.5), rel=1e-4)
    assert (whole(path) == upright).all()


def test_a_screen_s_resolution_is_no_pixel_size(save: Callable[..., Path]) -> None:
    assert open_source(save("picture.jpg", dpi=(300, 300))).info.mpp is None


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_the_colour_profile_is_kept(save: Callable[..., Path], suffix: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    path = save(f"picture.{suffix}", icc_profile=profile)

    assert open_source(path).info.icc_profile == profile


@pytest.mark.parametrize("quality", [20, 50, 75, 93, 100])
def test_the_quality_of_a_jpeg_is_known_by_its_tables(
    save: Callable[..., Path], quality: int
) -> None:
    path = save("picture.jpg", quality=quality)

    (step,) = open_source(path).info.history

    ratio = round(HEIGHT * WIDTH * 3 / path.stat().st_size, 2)
    assert step == Compression(method="jpeg", quality=quality, ratio=ratio)


def test_the_quality_of_other_tables_is_not_guessed(save: Callable[..., Path]) -> None:
    path = save("picture.jpg", qtables=[list(range(1, 65))] * 2)

    (step,) = open_source(path).info.history

    assert (step.method, step.quality) == ("jpeg", None)


@pytest.mark.parametrize(
    ("name", "method", "encode"),
    [
        ("a.webp", "webp", lambda x: imagecodecs.webp_encode(x, level=70, lossless=False)),
        ("a.jp2", "jpeg2000", lambda x: imagecodecs.jpeg2k_encode(x, level=35, reversible=False)),
        ("a.jxl", "jpegxl", lambda x: imagecodecs.jpegxl_encode(x, distance=2)),
    ],
)
def test_lossy_pictures_say_so(
    color: NDArray[np.uint8],
    tmp_path: Path,
    name: str,
    method: str,
    encode: Callable[[NDArray[Any]], bytes],
) -> None:
    path = tmp_path / name
    path.write_bytes(encode(color))

    (step,) = open_source(path).info.history

    assert (step.method, step.ratio) == (method, round(color.nbytes / path.stat().st_size, 2))
    assert np.abs(whole(path).astype(int) - color).mean() < 12


def test_pillow_s_limit_is_lifted_and_stands_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture.png"
    Image.new("L", (200, 200), 3).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    assert (whole(path) == 3).all()
    assert Image.MAX_IMAGE_PIXELS == 100


def test_too_large_a_picture_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture.png"
    Image.new("L", (200, 200)).save(path)
    monkeypatch.setattr(plain, "MAX_PIXELS", 39_999)

    with pytest.raises(
        SourceError, match=r"picture.png has 200 x 200 pixels, .* up to 39,999: .* tiled TIFF"
    ):
        open_source(path)


def encoded(form: str) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        pytest.param("a.png", b"%PDF-1.7", "is not a picture of a kind", id="another content"),
        pytest.param("a.jpg", b"", "is empty: copy it again", id="an empty file"),
        pytest.param("a.png", encoded("png")[:3000], "does not decode", id="half a PNG"),
        pytest.param("a.jpg", encoded("jpeg")[:2000], "does not decode", id="half a JPEG"),
        pytest.param("a.webp", encoded("webp")[:500], "does not decode|not a picture", id="WebP"),
        pytest.param("a.jxl", b"\xff\x0a\0\0\0", "does not decode", id="a damaged JPEG XL"),
    ],
)
def test_damaged_pictures_are_refused(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)

    with pytest.raises(SourceError, match=rf"{name} .*({says})|{name} ({says})"):
        open_source(path)


def test_floating_point_pictures_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.jxl"
    path.write_bytes(imagecodecs.jpegxl_encode(np.zeros((9, 9), np.float32)))

    with pytest.raises(SourceError, match=r"samples of type float32 .* 8 or 16 bits"):
        open_source(path)
