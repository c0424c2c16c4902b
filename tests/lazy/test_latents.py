"""Latents without pixels: what they are, in every mode of a chunk and every layout of an array."""

from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from numcodecs_neural import NeuralImage, NeuralImageCodec, config, exactly
from numcodecs_neural.engine import decode_latents
from numcodecs_neural.errors import ConfigError
from tests.annotations import Image

pytest.importorskip("dask", reason="it is what latents are opened as")
from numcodecs_neural.lazy import codecs, open_latents

SIDE = 64


@pytest.fixture
def pixels(tissue: Image) -> Image:
    return tissue[:, :100, :150]


def written(path: Path, pixels: NDArray[Any], model: str = "he-fast-2", **changes: Any) -> Any:
    """Write pixels (..., c, y, x) to an array of chunks of 64 x 64."""
    options: dict[str, Any] = {
        "chunks": (*(1,) * (pixels.ndim - 3), pixels.shape[-3], SIDE, SIDE),
        "serializer": NeuralImageCodec(model, quality=80),
        "compressors": None,
        "fill_value": 240,
    }
    array: Any = zarr.create_array(
        path, shape=pixels.shape, dtype=pixels.dtype, **(options | changes)
    )
    array[...] = pixels
    return array


def spectra(pixels: NDArray[Any], count: int) -> NDArray[np.float64]:
    """Return the first coefficients of all whole blocks of (c, y, x), by another library's DCT."""
    from scipy.fft import dctn

    c, height, width = pixels.shape
    h, w = height // 16, width // 16
    blocks = pixels[:, : 16 * h, : 16 * w].reshape(c, h, 16, w, 16).transpose(1, 3, 0, 2, 4)
    found = dctn(blocks.astype(float), axes=(-2, -1), norm="ortho")
    order = [(u, d - u) for d in range(31) for u in range(16) if 0 <= d - u < 16]
    ordered = np.stack([found[..., u, v] for u, v in order], axis=2)
    return ordered.reshape(h, w, -1).transpose(2, 0, 1)[:count]


def test_latents_of_a_dct_are_that_of_the_decoded_pixels(tmp_path: Path, pixels: Image) -> None:
    array = written(tmp_path / "a.zarr", pixels)

    latents = open_latents(array)

    assert latents.shape == (768, 7, 10)
    assert latents.chunks == ((768,), (4, 3), (4, 4, 2))
    expected = spectra(array[:], 768)
    # Pixels are rounded, and clipped at white.
    assert np.abs(latents.compute()[:, :6, :9] - expected).max() < 4


def test_the_mean_of_a_block_is_a_sixteenth_of_its_first_latents(
    tmp_path: Path, pixels: Image
) -> None:
    means = open_latents(written(tmp_path / "a.zarr", pixels), count=3)[:, 1, 2].compute() / 16

    assert means == pytest.approx(pixels[:, 16:32, 32:48].mean((1, 2)), abs=2)


@pytest.mark.parametrize("model", ["he-fast-1", "he-fast-2"])
def test_layout_and_place_of_an_array_do_not_matter(
    tmp_path: Path, pixels: Image, model: str
) -> None:
    plain = written(tmp_path / "a.zarr", pixels, model)
    sharded = written(tmp_path / "b.zarr", pixels, model, shards=(3, 2 * SIDE, 2 * SIDE))
    second = zarr.create_array(
        tmp_path / "c.zarr",
        data=pixels,
        chunks=(3, SIDE, SIDE),
        zarr_format=2,
        compressors=NeuralImage(model, quality=80),
        filters=None,
    )
    with zarr.storage.ZipStore(tmp_path / "d.zip", mode="w") as packed:
        written(packed, pixels, model)  # type: ignore[arg-type]
    zipped = zarr.open_array(zarr.storage.ZipStore(tmp_path / "d.zip", mode="r"))

    first, *others = (open_latents(array).compute() for array in (plain, sharded, second, zipped))

    assert np.isfinite(first).all()
    assert np.ptp(first) > 0
    for other in others:
        assert np.array_equal(first, other)


def test_latents_of_a_network_are_what_its_synthesis_reads(tmp_path: Path, pixels: Image) -> None:
    from numcodecs_neural.engine.sessions import NetworkCoder, coder_for
    from numcodecs_neural.weights import resolve

    array = written(tmp_path / "a.zarr", pixels[:, :SIDE, :SIDE], "he-fast-1")
    with config.set(backend="numpy"):
        coder = coder_for(resolve("he-fast-1"))
        latents = open_latents(array).compute(scheduler="sync")
    assert isinstance(coder, NetworkCoder)
    decoder = coder._decoder
    groups = np.split(np.moveaxis(latents, 0, -1)[None], np.cumsum(decoder.groups)[:-1], axis=-1)

    named = {f"d{number}": group for number, group in enumerate(groups, 1)}
    found = coder._backend.run_to_pixels(decoder.networks["synthesis"], named, 80)

    assert np.array_equal(found[0], array[:])


def test_torch_gives_the_latents_of_numpy(tmp_path: Path, pixels: Image) -> None:
    pytest.importorskip("torch", reason="it is the other backend")
    array = written(tmp_path / "a.zarr", pixels, "he-fast-1")
    with config.set(backend="numpy"):
        expected = open_latents(array, count=40).compute(scheduler="sync")

    with config.set(backend="torch", device="cpu"):
        found = open_latents(array, count=40).compute()

    assert np.array_equal(found, expected)


@pytest.mark.parametrize("model", ["he-fast-1", "he-fast-2"])
def test_chunks_without_loss_or_of_one_colour_or_elided(
    tmp_path: Path, pixels: Image, model: str
) -> None:
    image = np.full((3, SIDE, 4 * SIDE), 7, np.uint8)
    image[..., :SIDE] = pixels[:, :SIDE, :SIDE]
    image[..., 3 * SIDE :] = 240  # as the fill value: not stored
    array = written(tmp_path / "a.zarr", image, model)
    with exactly():
        array[..., :SIDE] = image[..., :SIDE]

    latents = open_latents(array, count=6).compute()

    if model == "he-fast-1":
        assert np.isnan(latents).all()
        return
    assert latents == pytest.approx(spectra(image, 6), abs=0.05)


def test_a_margin_of_one_colour_has_latents_too(tmp_path: Path, pixels: Image) -> None:
    image = np.full((3, SIDE, SIDE), 240, np.uint8)
    image[:, :, :40] = pixels[:, :SIDE, :40]
    array = written(tmp_path / "a.zarr", image)

    latents = open_latents(array, count=3).compute()

    assert latents[:, :, 3] == pytest.approx(np.full((3, 4), 16 * 240), abs=0.05)
    assert latents[:, :, 0] == pytest.approx(spectra(image, 3)[:, :, 0], abs=20)


def test_latents_of_16_bits_count_samples(tmp_path: Path, tissue: Image) -> None:
    deep = (tissue[:1, :SIDE, :SIDE].astype(np.uint16) * 37 + 900)[0]
    array = zarr.create_array(
        tmp_path / "a.zarr",
        data=deep,
        chunks=(SIDE, SIDE),
        serializer=NeuralImageCodec("grey-fast-2", quality=80),
        compressors=None,
    )

    latents = open_latents(array, count=1)[0].compute()

    means = deep.reshape(4, 16, 4, 16).mean((1, 3))
    assert latents / 16 == pytest.approx(means, rel=0.01)


def test_other_axes_stand_before_the_latents(tmp_path: Path, pixels: Image) -> None:
    film = np.stack([pixels, pixels[:, ::-1]])
    array = written(tmp_path / "a.zarr", film, chunks=(2, 3, SIDE, SIDE))
    first = written(tmp_path / "b.zarr", film[1])

    latents = open_latents(array, count=5)

    assert latents.shape == (2, 5, 7, 10)
    assert np.abs(latents[1] - open_latents(first, count=5)).max().compute() < 60


def test_colours_may_be_last(tmp_path: Path, pixels: Image) -> None:
    last = zarr.create_array(
        tmp_path / "a.zarr",
        data=np.moveaxis(pixels, 0, -1),
        chunks=(SIDE, SIDE, 3),
        serializer=NeuralImageCodec("he-fast-2", quality=80, channel_axis=-1),
        compressors=None,
    )

    found = open_latents(last, count=9).compute()
    expected = open_latents(written(tmp_path / "b.zarr", pixels), count=9)

    assert np.array_equal(found, expected.compute())


def test_only_the_chunks_that_are_asked_for_are_decoded(
    tmp_path: Path, pixels: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = written(tmp_path / "a.zarr", pixels)
    decoded: list[object] = []

    def counted(chunk: Any, weights: Any, count: int) -> Any:
        decoded.append(chunk)
        return decode_latents(chunk, weights, count)

    monkeypatch.setattr(codecs, "decode_latents", counted)

    latents = open_latents(array)
    assert decoded == []
    latents[:, :2, 5:8].compute()

    assert len(decoded) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(
            {"serializer": "auto", "compressors": ZstdCodec()}, "has the codecs", id="zstd"
        ),
        pytest.param(
            {"serializer": NeuralImageCodec("exact"), "chunks": (3, SIDE, SIDE)},
            "have no latents: read its pixels",
            id="lossless weights",
        ),
        pytest.param({"chunks": (3, 40, 40)}, "whole multiples of 16", id="odd chunks"),
        pytest.param(
            {
                "zarr_format": 2,
                "serializer": "auto",
                "compressors": NeuralImage("he-fast-2"),
                "filters": numcodecs.get_codec({"id": "zstd"}),
            },
            "Zstd, NeuralImage; latents are those",
            id="a filter",
        ),
    ],
)
def test_arrays_without_latents_are_refused(
    tmp_path: Path, options: dict[str, Any], says: str
) -> None:
    chosen = {
        "chunks": (3, SIDE, SIDE),
        "serializer": NeuralImageCodec("he-fast-2"),
        "compressors": None,
        **options,
    }
    array = zarr.create_array(tmp_path / "a.zarr", shape=(3, 99, 99), dtype="uint8", **chosen)

    with pytest.raises(ConfigError, match=says):
        open_latents(array)


def test_arrays_in_memory_are_refused(pixels: Image) -> None:
    array = written({}, pixels)  # type: ignore[arg-type]

    with pytest.raises(ConfigError, match="is in a MemoryStore: store it in a folder"):
        open_latents(array)


@pytest.mark.parametrize("count", [0, 769])
def test_there_are_only_so_many_latents(tmp_path: Path, pixels: Image, count: int) -> None:
    array = written(tmp_path / "a.zarr", pixels)

    with pytest.raises(ConfigError, match="have 1 to 768 latents"):
        open_latents(array, count=count)
