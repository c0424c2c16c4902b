"""Fits the entropy tables to symbols of the integer encoder, and exports the weights."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.enc_streams import symbols_and_rows
from numcodecs_neural.entropy import SymbolTables
from numcodecs_neural.networks.backends.numba_kernels import CompiledKernels
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.enc_model import EncoderModel
from numcodecs_neural.training.data import Crops
from numcodecs_neural.training.export import export_decoder, export_encoder
from numcodecs_neural.training.model import Codec
from numcodecs_neural.training.restoring import add_restoring
from numcodecs_neural.training.tables import (
    fitted_tables,
    logistic_tables,
    price_of,
)
from numcodecs_neural.weights.files import read_weights


def export(
    codec: Codec,
    crops: Crops,
    stem: Path,
    *,
    thrift: float,
    table_batches: int,
    crop_px: int,
    report: Callable[[str], None],
) -> str:
    """Fit the tables, write ``STEM.decoder`` and ``STEM.encoder``; return the decoder's SHA-256.

    Parameters
    ----------
    codec : Codec
        Calibrated.
    crops : Crops
        What the tables are fitted to.
    stem : Path
        Of the files' names.
    thrift : float
        How much a bit is worth when symbols are chosen; 1 is what high-rate theory gives.
    table_batches, crop_px : int
        How much of `crops`, and how large.
    report : callable
        Takes a line when it is done.
    """
    tables, price, skip_below = logistic_tables(), price_of(thrift), 0
    for _ in range(3):
        pair = _files(stem.with_name("draft"))
        models = _write(codec, tables, price, 0, pair)
        tables, skip_below = fitted_tables(_symbols(*models, crops, table_batches, crop_px))
        for path in pair:
            path.unlink()
    decoder, encoder = _files(stem)
    _write(codec, tables, price, skip_below, (decoder, encoder))
    add_restoring(decoder, encoder)
    digest = read_weights(decoder).sha256
    report(f"{decoder}: SHA-256 {digest}; {skip_below} of {len(tables) // 3} classes never coded")
    return digest


def _files(stem: Path) -> tuple[Path, Path]:
    decoder, encoder = (
        stem.with_name(f"{stem.name}.{kind}.safetensors") for kind in ("decoder", "encoder")
    )
    return decoder, encoder


def _write(
    codec: Codec,
    tables: SymbolTables,
    price: int,
    skip_below: int,
    pair: tuple[Path, Path],
) -> tuple[DecoderModel, EncoderModel]:
    """Write both files and read them back, which proves their bounds."""
    decoder, encoder = pair
    digest = export_decoder(codec, tables, skip_below, decoder)
    export_encoder(codec, price, digest, encoder)
    file = read_weights(decoder)
    return (
        DecoderModel.from_file(file),
        EncoderModel.from_file(read_weights(encoder), file.sha256),
    )


def _symbols(
    decoder: DecoderModel, encoder: EncoderModel, crops: Crops, table_batches: int, crop_px: int
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.uint8]]]:
    """What the integer encoder writes, over all qualities and two sizes of image."""
    backend = NumpyBackend(CompiledKernels())
    for number in range(table_batches):
        crops.seek(number)
        is_large = number % 2 == 1 and crops.can_draw(2 * crop_px)
        images = crops.batch(2, 2 * crop_px) if is_large else crops.batch(8, crop_px)
        quality = int(crops.rng.integers(101))
        pixels = np.floor(images * 2**decoder.pixel_fraction)
        pixels = pixels.astype(np.uint16 if decoder.pixel_fraction else np.uint8)
        yield from symbols_and_rows(
            pixels, 1, quality, decoder=decoder, encoder=encoder, backend=backend
        ).parts
