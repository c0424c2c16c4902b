"""What crosses between host and device: symbols, what codes them, and pixels; nothing else."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the torch backend needs torch")

from numcodecs_neural.coding.dec_streams import decode_streams  # noqa: E402
from numcodecs_neural.coding.enc_streams import encode_streams  # noqa: E402
from numcodecs_neural.networks.backends.torch_backend import TorchBackend  # noqa: E402
from tests.models import CHECKERBOARD, INTERLEAVED, MIXED, WHOLE, Passes, Small  # noqa: E402

ORDERS = pytest.mark.parametrize("passes", [WHOLE, CHECKERBOARD, INTERLEAVED, MIXED])
QUALITY = 60
SIZE = (37, 53)


class Transfers:
    """A model on torch, and a count of what crossed since its constants are on the device."""

    def __init__(self, passes: Passes, monkeypatch: pytest.MonkeyPatch) -> None:
        self.decoder, self.encoder = Small(passes=passes).load()
        self.backend = TorchBackend("cpu")
        self.pixels = np.random.default_rng(0).integers(0, 4096, (2, 1, *SIZE), dtype=np.uint16)
        self.streams = self.encode()
        self.decode()
        self.counts: Counter[str] = Counter()
        self._count(monkeypatch, TorchBackend, "to_device")
        self._count(monkeypatch, TorchBackend, "to_host")
        for way in ("numpy", "tolist", "item", "__array__"):
            self._count(monkeypatch, torch.Tensor, way)
        for way in ("from_numpy", "as_tensor", "tensor"):
            self._count(monkeypatch, torch, way)

    def encode(self) -> list[bytes]:
        models: dict[str, Any] = {"decoder": self.decoder, "encoder": self.encoder}
        return encode_streams(self.pixels, 2, QUALITY, **models, backend=self.backend)

    def decode(self) -> None:
        decode_streams(
            self.streams, (1, *SIZE), QUALITY, decoder=self.decoder, backend=self.backend
        )

    def _count(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        function = getattr(owner, name)

        def count(*args: Any, **options: Any) -> Any:
            self.counts[name] += 1
            return function(*args, **options)

        monkeypatch.setattr(owner, name, count)


def counts_of(uploads: list[Any], downloads: list[Any]) -> dict[str, int]:
    up, down = len(uploads), len(downloads)
    return {"to_device": up, "from_numpy": up, "to_host": down, "numpy": down}


@ORDERS
def test_decoding_moves_symbols_in_and_indexes_and_pixels_out(
    passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfers = Transfers(passes, monkeypatch)

    transfers.decode()

    uploads = ["hyper-latents", *passes]
    downloads = [*passes, "pixels"]
    assert transfers.counts == counts_of(uploads, downloads)


@ORDERS
def test_encoding_moves_latents_out_once_and_symbols_in(
    passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfers = Transfers(passes, monkeypatch)

    transfers.encode()

    uploads = ["pixels", "latents in steps", *passes]
    means = [step for step in transfers.decoder.passes if step.has_mean]
    downloads = ["latents", "hyper-latents", *passes, *means]
    assert transfers.counts == counts_of(uploads, downloads)
