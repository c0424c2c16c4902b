import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from rich.console import Console

from numcodecs_neural.converters.cli.tables import comparison_summary, comparison_table
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.plan import plan_conversion
from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.converters.trials.compare import ComparedCodec, Comparison, compare
from numcodecs_neural.converters.trials.dry_run import index_nbytes
from numcodecs_neural.converters.trials.jpeg_transcode import Transcoding, transcode_tiles
from numcodecs_neural.errors import ConfigError
from tests.annotations import Image

TILE = 256
LOSSLESS = {"exact-1", "jpegxl-lossless", "zstd"}


class WithTiles:
    """A source that has nothing but the tiles of its file."""

    def __init__(self, tiles: list[bytes]) -> None:
        self._tiles = tiles

    def jpeg_files(self, level: int = 0) -> Iterator[tuple[int, int, bytes]]:
        assert level == 0
        yield from ((n // 10, n % 10, tile) for n, tile in enumerate(self._tiles))


@pytest.fixture(scope="module")
def jpeg(tissue: Image) -> bytes:
    pixels = np.ascontiguousarray(np.moveaxis(tissue[:, :TILE, :TILE], 0, -1))
    return bytes(imagecodecs.jpeg8_encode(pixels, level=80, subsampling="420"))


@pytest.fixture(scope="module")
def options() -> ConvertOptions:
    return ConvertOptions(chunk_px=96, glass="keep", bright_field="no")


@pytest.fixture(scope="module")
def rgb(tissue: Image, jpeg: bytes, options: ConvertOptions) -> Comparison:
    """Return the comparison on a small slide that has JPEG tiles."""

    class Slide(WithTiles):
        def __init__(self, slide: Any) -> None:
            super().__init__([jpeg] * 5)
            self.info, self.read_region = slide.info, slide.read_region
            self.read_associated, self.close = slide.read_associated, slide.close
            self.jpeg_tiles = slide.jpeg_tiles

    from tests.converters.conftest import ArraySource

    pixels = np.moveaxis(tissue, 0, -1)[:180, :96]
    return compare(plan_conversion(Slide(ArraySource(pixels)), options))


def by_name(comparison: Comparison) -> dict[str, ComparedCodec]:
    return {codec.name: codec for codec in comparison.codecs}


def test_all_codecs_are_compared_at_the_ssim_of_jpeg(rgb: Comparison) -> None:
    codecs = by_name(rgb)

    assert set(codecs) == {
        *("he-fast-2", "he-perceptual-1", "jpegxl", "jpeg2k", "jpeg"),
        *LOSSLESS,
    }
    assert (rgb.reference_title, rgb.reference_setting) == ("JPEG", "quality 80")
    assert codecs["jpeg"].size == 1
    for name in set(codecs) - LOSSLESS:
        assert codecs[name].is_equal
        assert codecs[name].ssim == pytest.approx(codecs["jpeg"].ssim, abs=0.0021)
    for name in LOSSLESS:
        assert (codecs[name].ssim, codecs[name].psnr_db) == (1, None)
        assert codecs[name].setting == "lossless"
        assert not codecs[name].is_equal


@pytest.mark.parametrize("name", ["exact-1", "jpegxl-lossless"])
def test_no_loss_takes_more_than_an_ssim_and_less_than_zstandard(
    name: str, rgb: Comparison
) -> None:
    codecs = by_name(rgb)

    assert codecs["jpegxl"].bpp < codecs[name].bpp < codecs["zstd"].bpp


def test_sizes_are_of_chunks_and_of_the_whole_store(
    rgb: Comparison, options: ConvertOptions, source_of: Any, tissue: Image
) -> None:
    codecs = by_name(rgb)
    pixels = np.moveaxis(tissue, 0, -1)[:180, :96]
    index = index_nbytes(plan_conversion(source_of(pixels), options))

    assert [codec.size for codec in rgb.codecs] == sorted(codec.size for codec in rgb.codecs)
    assert codecs["zstd"].size > 2
    for codec in rgb.codecs:
        # Level 0 has two chunks, level 1 one; each has a shard with its index.
        chunk_nbytes = codec.bpp * 96 * 96 / 8
        assert 2.2 * chunk_nbytes < codec.nbytes - index < 4 * chunk_nbytes
        assert codec.size == pytest.approx(codec.bpp / codecs["jpeg"].bpp, abs=0.001)
        assert codec.encode_mpx_s > 0
        assert codec.decode_mpx_s > 0


def test_comparison_is_json(rgb: Comparison) -> None:
    values = json.loads(json.dumps(rgb.to_json(), allow_nan=False))

    assert len(values["codecs"]) == 8
    first = values["transcodings"][0]
    assert (first["title"], first["tiles"]) == ("JPEG XL transcoding", 5)
    assert first["nbytes"] < first["jpeg_nbytes"]


def test_table_has_a_line_for_each_codec(rgb: Comparison) -> None:
    screen = Console(file=io.StringIO(), width=140)

    screen.print(comparison_table(rgb))

    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    for codec in rgb.codecs:
        (line,) = (
            line
            for line in shown.splitlines()
            if line.strip().startswith(f"{codec.title}  ") and codec.setting in line
        )
        assert f"{codec.ssim:.4f}" in line
    assert "vs JPEG" in shown
    assert "*" not in shown


def test_what_is_not_equal_is_marked(rgb: Comparison) -> None:
    codecs = tuple(replace(codec, is_equal=codec.name != "jpegxl") for codec in rgb.codecs)
    marked = replace(rgb, codecs=codecs)
    screen = Console(file=io.StringIO(), width=140)

    screen.print(comparison_table(marked))

    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    assert shown.count("*") == 1
    assert f"{by_name(rgb)['jpegxl'].ssim:.4f}*" in shown
    assert "No setting came within 0.002" in comparison_summary(marked)


def test_summary_tells_what_transcoding_saves(rgb: Comparison) -> None:
    found = Transcoding(title="Lepton", jpeg_nbytes=10_000_000, tiles=64, ratio=0.8)

    told = comparison_summary(replace(rgb, transcodings=(found,)))

    assert "Lepton: the source's JPEG tiles" in told
    assert "10.00 MB, would be about 8.00 MB (-20 %)" in told
    assert "JPEG tiles" not in comparison_summary(replace(rgb, transcodings=()))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_grey_slides_are_compared_on_their_own_range(
    dtype: str, tissue: Image, source_of: Callable[..., Any], options: ConvertOptions
) -> None:
    pixels = (tissue[0, :96, :96, None] // 2).astype(dtype) * (1 if dtype == "uint8" else 30)
    source = source_of(pixels)
    source.info = replace(source.info, samples=1, dtype=np.dtype(dtype))

    found = compare(plan_conversion(source, replace(options, levels=1)))

    peers = {"grey-fast-2", "jpegxl", "jpeg2k", *LOSSLESS}
    assert set(by_name(found)) == (peers | {"jpeg"} if dtype == "uint8" else peers)
    assert found.reference_title == ("JPEG" if dtype == "uint8" else "grey-fast-2")
    assert found.data_range == np.ptp(pixels.astype(int))
    assert found.transcodings == ()
    # So small a sample has steps of quality that are coarser than what counts as equal.
    ssims = [codec.ssim for codec in found.codecs if codec.name not in LOSSLESS]
    assert max(ssims) - min(ssims) < 0.01


def test_a_bound_is_compared_beside_codecs_of_an_ssim(
    tissue: Image, source_of: Callable[..., Any], options: ConvertOptions
) -> None:
    source = source_of(np.moveaxis(tissue, 0, -1)[:96, :96])

    found = compare(plan_conversion(source, replace(options, levels=1, max_error=4)))

    bounded = by_name(found)["exact-1"]
    assert bounded.setting == "within 4"
    assert bounded.bpp < by_name(found)["jpegxl-lossless"].bpp
    assert 0.9 < bounded.ssim < 1
    screen = Console(file=io.StringIO(), width=140)
    screen.print(comparison_table(found))
    assert "*" not in screen.file.getvalue()  # type: ignore[attr-defined]


def test_slide_that_only_lossless_codecs_code_is_refused(
    source_of: Callable[..., Any], options: ConvertOptions
) -> None:
    source = source_of(np.zeros((50, 60, 1), np.float32))
    source.info = replace(source.info, samples=1, dtype=np.dtype("float32"))

    with pytest.raises(ConfigError, match="only lossless codecs"):
        compare(plan_conversion(source, options))


def test_tiles_are_sampled_and_all_counted(jpeg: bytes) -> None:
    transcoding = transcode_tiles(WithTiles([jpeg] * 100))[0][0]

    assert transcoding.title == "JPEG XL transcoding"
    assert transcoding.tiles == 64
    assert transcoding.jpeg_nbytes == 100 * len(jpeg)
    kept = imagecodecs.jpegxl_encode_jpeg(jpeg)
    assert transcoding.ratio == pytest.approx(len(kept) / len(jpeg), abs=1e-4)
    assert imagecodecs.jpegxl_decode_jpeg(kept, numthreads=1) == jpeg


@pytest.mark.parametrize("tiles", [[], [b"not a picture"]])
def test_nothing_to_transcode_is_none(tiles: list[bytes]) -> None:
    assert transcode_tiles(WithTiles(tiles))[0] == ()


def test_source_without_tiles_has_nothing_to_transcode() -> None:
    assert transcode_tiles(object()) == ((), ())


def test_lepton_is_compared_where_it_is_installed(jpeg: bytes) -> None:
    lepton = pytest.importorskip("lepton_jpeg_python", reason="Lepton is not installed")

    found, missing = transcode_tiles(WithTiles([jpeg] * 3))

    assert missing == ()
    assert [each.title for each in found] == ["JPEG XL transcoding", "Lepton"]
    kept = lepton.compress_bytes(jpeg, {"max_partitions": 1})
    assert found[1].ratio == pytest.approx(len(kept) / len(jpeg), abs=1e-4)
    assert lepton.decompress_bytes(kept) == jpeg


def test_lepton_that_is_not_installed_is_left_out_and_named(
    jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lepton_jpeg_python", None)

    found, missing = transcode_tiles(WithTiles([jpeg] * 3))

    assert [each.title for each in found] == ["JPEG XL transcoding"]
    assert missing[0].startswith("Lepton is not installed")


def test_a_jpeg_slide_is_compared_with_its_exact_store_and_its_file(
    svs: Path, options: ConvertOptions
) -> None:
    source = open_source(svs)

    found = compare(plan_conversion(source, replace(options, chunk_px=240)))

    exact = by_name(found)["exact"]
    assert (exact.ssim, exact.psnr_db, exact.setting) == (1, None, "lossless")
    assert exact.nbytes > 0
    assert exact.decode_mpx_s > 0
    assert found.exact_levels == (0, 1)
    assert found.source_nbytes == svs.stat().st_size
    screen = Console(file=io.StringIO(), width=140)
    screen.print(comparison_table(found))
    lines = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert any(line.strip().startswith("source file") for line in lines)
    assert any(line.strip().startswith("JPEG XL transcoding") for line in lines)
    assert "levels 0 to 1 of the source without any loss" in comparison_summary(found)
    source.close()
