"""Weights by name, or out of files that no release has: what ``numcodecs-neural train`` wrote."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from numcodecs_neural.coding.dec_chunk import decode_chunk
from numcodecs_neural.coding.dec_dct import DctModel, decode_images
from numcodecs_neural.coding.dec_streams import decode_streams
from numcodecs_neural.coding.enc_chunk import encode_chunk
from numcodecs_neural.coding.enc_dct import DctEncoder, encode_images
from numcodecs_neural.coding.enc_streams import encode_streams
from numcodecs_neural.coding.enc_task import EncodeParameters
from numcodecs_neural.dct.context.model import KIND
from numcodecs_neural.dct.dec_inverse import inverse
from numcodecs_neural.errors import ConfigError, WeightsError
from numcodecs_neural.evaluation.coders import QUALITIES, ImageCoder, neural_entrant
from numcodecs_neural.evaluation.kinds import RGB
from numcodecs_neural.format import unpack_chunk
from numcodecs_neural.networks.backends.choice import backend_for, choose
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.enc_model import EncoderModel
from numcodecs_neural.weights.catalogue import WEIGHTS_ID_NBYTES
from numcodecs_neural.weights.files import WeightsFile, read_weights


class FileCoder:
    """Codes images by the networks of two files."""

    def __init__(self, file: WeightsFile, encoder: WeightsFile) -> None:
        self.decoder = DecoderModel.from_file(file)
        self.encoder = EncoderModel.from_file(encoder, file.sha256)
        self.backend = backend_for(choose(), self.decoder)
        self.weights_id = bytes.fromhex(file.sha256)[:WEIGHTS_ID_NBYTES]
        self.channels = self.decoder.channels
        self.pixel_fraction = self.decoder.pixel_fraction

    def encode(self, images: np.ndarray, parameters: EncodeParameters) -> bytes:
        """Return the stream of (n, C, H, W)."""
        models = {"decoder": self.decoder, "encoder": self.encoder, "backend": self.backend}
        return encode_streams(images, 1, parameters.quality, **models)[0]

    def decode(self, stream: bytes, shape: tuple[int, int, int], quality: int) -> np.ndarray:
        """Return (n, C, H, W) for ``shape = (n, H, W)``."""
        models = {"decoder": self.decoder, "backend": self.backend}
        return decode_streams([stream], shape, quality, **models)


class ContextFileCoder:
    """Codes images by the DCT and the context model of two files."""

    def __init__(self, file: WeightsFile, encoder: WeightsFile) -> None:
        self.model = DctModel.from_file(file)
        self.encoder = DctEncoder.from_file(encoder, file.sha256)
        self.weights_id = bytes.fromhex(file.sha256)[:WEIGHTS_ID_NBYTES]
        self.channels = self.model.channels
        self.pixel_fraction = self.model.pixel_fraction

    def encode(self, images: np.ndarray, parameters: EncodeParameters) -> bytes:
        """Return the stream of (n, C, H, W)."""
        quality, tune = parameters.quality, parameters.tune
        return encode_images(images, quality, tune, model=self.model, encoder=self.encoder)

    def decode(self, stream: bytes, shape: tuple[int, int, int], _quality: int) -> np.ndarray:
        """Return (n, C, H, W) for ``shape = (n, H, W)``."""
        return decode_images(stream, shape, self.model, inverse)


def coder_of_files(stem: Path) -> FileCoder | ContextFileCoder:
    """Return the coder of ``STEM.decoder.safetensors`` and ``STEM.encoder.safetensors``."""
    file, encoder = (read_weights(beside(stem, part)) for part in ("decoder", "encoder"))
    kind = ContextFileCoder if file.description.get("kind") == KIND else FileCoder
    return kind(file, encoder)


def rgb_coders(models: str, qualities: tuple[int, ...] = QUALITIES) -> list[ImageCoder]:
    """Return the coders of ``A,B``, each as `rgb_coder` takes it.

    Raises
    ------
    ConfigError
        If two have one name.
    """
    coders = [rgb_coder(model, qualities) for model in models.split(",") if model]
    names = [coder.name for coder in coders]
    if len(set(names)) < len(names):
        raise ConfigError(f"two of {models} have one name: write LABEL=FILES for one of them")
    return coders


def rgb_coder(model: str, qualities: tuple[int, ...] = QUALITIES) -> ImageCoder:
    """Return the coder of RGB weights: of a name, of the stem of files, or of ``LABEL=`` either."""
    label, _, where = model.rpartition("=")
    stem = Path(where)
    if beside(stem, "decoder").is_file():
        coder = _file_coder(stem, qualities)
    else:
        coder = neural_entrant(where, qualities).coder_for(RGB)
    if coder is None:
        raise WeightsError(f"{where} does not code 8-bit RGB: name weights that do")
    return replace(coder, name=label or coder.name)


def beside(stem: Path, part: str) -> Path:
    """Return the path of one of the two files."""
    return stem.with_name(f"{stem.name}.{part}.safetensors")


def _file_coder(stem: Path, qualities: tuple[int, ...]) -> ImageCoder | None:
    coder = coder_of_files(stem)
    if coder.channels != RGB.channels:
        return None

    def encode(pixels: np.ndarray, quality: float, _span: tuple[int, int]) -> bytes:
        chunk = pixels.transpose(2, 0, 1)
        parameters = EncodeParameters(quality=int(quality), channel_axis=-3)
        return encode_chunk(chunk, parameters, coder)

    def decode(stored: bytes, _quality: float, _shape: tuple[int, ...]) -> np.ndarray:
        return decode_chunk(unpack_chunk(stored), lambda _: coder).transpose(1, 2, 0)

    return ImageCoder(name=stem.name, settings=qualities, encode=encode, decode=decode)
