"""Context models: results depend on no device and no batch, and turns are kept."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import config
from numcodecs_neural.coding.dec_dct import HEAD
from numcodecs_neural.coding.enc_task import EncodeParameters
from numcodecs_neural.dct import dec_inverse
from numcodecs_neural.engine import dct
from numcodecs_neural.engine.dct import DctCoder, inverse_for
from numcodecs_neural.engine.sessions import coder_for
from numcodecs_neural.networks.backends.choice import Choice
from numcodecs_neural.weights import resolve
from tests.annotations import Image

PARAMETERS = EncodeParameters(quality=60)


@pytest.fixture(params=["he-fast", "grey-fast"])
def coder(request: pytest.FixtureRequest) -> DctCoder:
    with config.set(device="numpy"):
        found = coder_for(resolve(request.param))
    assert isinstance(found, DctCoder)
    return found


@pytest.fixture
def crops(coder: DctCoder, tissue: Image) -> NDArray[Any]:
    """Return three images of 33 x 50 pixels: (3, C, 33, 50)."""
    planes = tissue[: coder.channels].astype(np.uint16 if coder.pixel_fraction else np.uint8)
    images = np.stack([planes[:, y : y + 33, :50] for y in (0, 200, 400)])
    return images << coder.pixel_fraction


def test_images_of_one_chunk_are_decoded_as_if_alone(coder: DctCoder, crops: NDArray[Any]) -> None:
    streams = [coder.encode(crop[None], PARAMETERS) for crop in crops]
    heads = {stream[: HEAD.size] for stream in streams}
    assert len(heads) == 1

    together = coder.decode(
        b"".join([*heads, *(stream[HEAD.size :] for stream in streams)]), (3, 33, 50), 60
    )

    alone = [coder.decode(stream, (1, 33, 50), 60)[0] for stream in streams]
    np.testing.assert_array_equal(together, alone, strict=True)


def test_both_directions_wait_for_a_turn(
    coder: DctCoder, crops: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = coder.encode(crops, PARAMETERS)
    taken: list[int] = []

    @contextmanager
    def turn() -> Iterator[None]:
        taken.append(threading.get_ident())
        yield

    monkeypatch.setattr(dct, "turn", turn)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(coder.encode, crops, PARAMETERS).result()
        pool.submit(coder.decode, stream, (3, 33, 50), 60).result()

    assert len(taken) == 2
    assert threading.get_ident() not in taken


def test_torch_gives_the_pixels_of_the_cpu(coder: DctCoder, crops: NDArray[Any]) -> None:
    pytest.importorskip("torch", reason="it is what computes the pixels")
    stream = coder.encode(crops, PARAMETERS)
    with config.set(device="cpu"):
        on_torch = coder_for(coder._info)

    assert on_torch is not coder
    np.testing.assert_array_equal(
        on_torch.decode(stream, (3, 33, 50), 60), coder.decode(stream, (3, 33, 50), 60), strict=True
    )


@pytest.mark.parametrize("fraction", [0, 4])
def test_a_device_that_computes_wrongly_is_replaced_with_one_warning(
    fraction: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dec_torch = pytest.importorskip("numcodecs_neural.dct.dec_torch", reason="torch is absent")

    def wrong_on(_: str) -> Any:
        def run(symbols: NDArray[np.int16], matrices: Any, bits: int, steps: Any) -> NDArray[Any]:
            pixels = dec_inverse.inverse(symbols, matrices, bits, steps)
            pixels[-1, -1, -1] ^= bits == fraction
            return pixels

        return run

    monkeypatch.setattr(dec_torch, "inverse_on", wrong_on)

    with pytest.warns(RuntimeWarning, match="does not compute the inverse DCT exactly"):
        found = inverse_for(Choice("torch", "cpu"))

    assert found is dec_inverse.inverse


def test_a_device_that_computes_rightly_is_taken() -> None:
    pytest.importorskip("torch", reason="it is the device")

    assert inverse_for(Choice("torch", "cpu")) is not dec_inverse.inverse
    assert inverse_for(Choice("numba", "cpu")) is dec_inverse.inverse
