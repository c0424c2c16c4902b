"""Slides made for the tests: real tissue on glass, in arrays and in TIFF files."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from numcodecs_neural.converters import cli, codecs
from numcodecs_neural.converters.codecs import ChunkCodec
from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline import plan
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.pipeline.summary import SlideReport
from numcodecs_neural.converters.sources import Associated, Frame, JpegTiles, SlideInfo
from tests.annotations import Convert, Image, Refused, RunCli

HEIGHT, WIDTH = 1501, 1303
APERIO = (
    "Aperio Image Library v12.0.15\r\n1303x1501 [0,0 1303x1501] (240x240) JPEG/RGB Q=90"
    "|AppMag = 20|MPP = 0.4990"
)


def slide_info(**changes: Any) -> SlideInfo:
    """Return the description of a plain RGB slide, with changes."""
    plain = SlideInfo(
        name="slide", level_shapes=((300, 400),), mpp=None, history=(), size_bytes=None
    )
    return replace(plain, **changes)


class ArraySource:
    """A slide in memory that counts how often each pixel of level 0 was read."""

    def __init__(self, pixels: Image, mpp: tuple[float, float] | None = None) -> None:
        self.pixels = pixels
        self.reads = np.zeros(pixels.shape[:2], np.int64)
        small = pixels[::8, ::8]
        self._levels = (pixels, small)
        self.info = slide_info(level_shapes=(pixels.shape[:2], small.shape[:2]), mpp=mpp)

    def read_region(self, region: Region, level: int = 0, frame: Frame = ()) -> Image:
        if level == 0:
            self.reads[region.slices] += 1
        pixels: Image = self._levels[level][region.slices].copy()
        return pixels

    def read_associated(self, name: Associated) -> Image | None:
        return None

    def jpeg_tiles(self, level: int = 0) -> JpegTiles:
        return JpegTiles(reason="its pixels are in memory")

    def jpeg_file(self) -> None:
        return None

    def close(self) -> None:
        pass


@pytest.fixture(scope="session")
def slide(tissue: Image) -> Image:
    """Return a slide (y, x, 3) of odd size: two pieces of tissue on noisy glass."""
    noise = np.random.default_rng(7).integers(-1, 2, (HEIGHT, WIDTH, 1))
    pixels = (np.array([243, 241, 244]) + noise).astype(np.uint8)
    stained = np.moveaxis(tissue, 0, -1)
    pixels[300:700, 200:650] = stained[:400, :450]
    pixels[1300:, 1100:] = stained[:201, :203]
    pixels.flags.writeable = False
    return pixels


@pytest.fixture
def array_source(slide: Image) -> ArraySource:
    return ArraySource(slide, mpp=(0.5, 0.5))


@pytest.fixture
def source_of() -> Callable[..., ArraySource]:
    """Return the class itself, for tests that bring their own pixels."""
    return ArraySource


@pytest.fixture(scope="session")
def svs(slide: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file like Aperio's: JPEG tiles, a thumbnail, one reduced level."""
    path = tmp_path_factory.mktemp("slides") / "generated.svs"
    tiles: dict[str, Any] = {
        "tile": (240, 240),
        "compression": "jpeg",
        "compressionargs": {"level": 90},
        "photometric": "rgb",
        "metadata": None,
    }
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(slide, description=APERIO, **tiles)
        tiff.write(slide[::10, ::10], description=APERIO, photometric="rgb", metadata=None)
        tiff.write(slide[::4, ::4], description=APERIO, **tiles)
    return path


@pytest.fixture
def damaged_svs(svs: Path, tmp_path: Path) -> Path:
    """Return the slide `svs` without what its tile at row 1, column 2 held."""
    path = tmp_path / "damaged.svs"
    content = bytearray(svs.read_bytes())
    with tifffile.TiffFile(svs) as tiff:
        page: Any = tiff.pages[0]
        tile = -(-page.imagewidth // page.tilewidth) + 2
        start, size = page.dataoffsets[tile], page.databytecounts[tile]
    content[start : start + size] = bytes(size)
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """Start an S3 server on this machine; return its address."""
    server = pytest.importorskip("moto.server", reason="moto, a local S3 server, is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    # Of a port that nobody takes in between: the server asks for any, and tells.
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Make a bucket; return its URL. All settings come from the environment, as for users."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    fs = s3fs.S3FileSystem()
    name = f"bucket-{len(fs.ls(''))}"
    fs.mkdir(name)
    yield f"s3://{name}"
    s3fs.S3FileSystem.clear_instance_cache()
    gc.collect()


@pytest.fixture
def lossless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let conversions store chunks losslessly: then tests can tell pixels that were touched."""
    for module in (codecs, plan):
        monkeypatch.setattr(module, "codec_for", _lossless_codec)


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Return a function that runs the program: exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as exc:
            code = int(exc.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def converted(tmp_path: Path) -> Convert:
    """Return a function that converts to `out.ome.zarr`: the store, opened, and the report."""

    def run(source: Any, options: ConvertOptions) -> tuple[Any, SlideReport]:
        report = convert(source, str(tmp_path / "out.ome.zarr"), options)
        return zarr.open_group(tmp_path / "out.ome.zarr", mode="r"), report

    return run


@pytest.fixture
def refused(run_cli: RunCli) -> Refused:
    """Return a function that runs the program, which must fail with one sentence: that."""

    def run(*arguments: object, code: int = 1) -> str:
        found, out, err = run_cli(*arguments)
        assert (found, out) == (code, "")
        assert err.count("\n") == 1
        return err

    return run


def _lossless_codec(options: ConvertOptions, info: SlideInfo | None = None) -> ChunkCodec:
    from zarr.codecs import BytesCodec, ZstdCodec

    arguments: dict[str, Any] = {"serializer": BytesCodec(), "compressors": ZstdCodec(level=1)}
    if options.ome_zarr_version == "0.4":
        arguments = {"compressors": {"id": "zstd", "level": 1}, "filters": None}
    return ChunkCodec(method="zstd", parameters={}, zarr_arguments=arguments)
