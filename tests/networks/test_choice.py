"""Which backend runs, and on which device: what the settings say and the machine has."""

from typing import Any

import numpy as np
import pytest

from numcodecs_neural import config
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.networks.backends import choice
from numcodecs_neural.networks.backends.choice import Choice, backend_for, choose, device_of
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend
from tests.models import shipped


@pytest.fixture
def two_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it look as if this machine had two CUDA devices."""
    torch = pytest.importorskip("torch")

    for name in ("_has_driver", "_has_torch", "_cuda_works"):
        monkeypatch.setattr(choice, name, lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def forked(two_devices: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it look as if the process had been forked from one that had used them."""
    torch = pytest.importorskip("torch")

    monkeypatch.setattr(torch.cuda, "_is_in_bad_fork", lambda: True)


@pytest.mark.usefixtures("two_devices")
@pytest.mark.parametrize("setting", ["cuda", "cuda:0", "cuda:1"])
def test_a_device_that_is_there_is_taken(setting: str) -> None:
    assert device_of(setting) == setting


@pytest.mark.usefixtures("two_devices")
def test_a_device_of_too_high_a_number_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'cuda:2', and the last .* is 'cuda:1'"):
        device_of("cuda:2")


@pytest.mark.usefixtures("two_devices")
def test_automatic_is_cuda_where_it_works() -> None:
    assert device_of("auto") == "cuda"


@pytest.mark.usefixtures("forked")
def test_automatic_is_the_cpu_after_a_fork() -> None:
    assert device_of("auto") == "cpu"


@pytest.mark.usefixtures("forked")
def test_cuda_after_a_fork_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"was forked .* set the device to 'auto'"):
        device_of("cuda")


def test_this_process_was_not_forked_from_one_with_cuda() -> None:
    pytest.importorskip("torch")

    assert not choice._cuda_was_forked()


@pytest.mark.parametrize(
    ("device", "backend", "expected"),
    [
        ("auto", "auto", Choice("numba", "cpu")),
        ("numpy", "auto", Choice("numba", "cpu")),
        ("cpu", "auto", Choice("torch", "cpu")),
        ("auto", "numpy", Choice("numpy", "cpu")),
        ("cpu", "numpy", Choice("numpy", "cpu")),
        ("numpy", "numba", Choice("numba", "cpu")),
        ("auto", "torch", Choice("torch", "cpu")),
    ],
)
def test_the_backend_follows_from_both_settings(
    device: str, backend: str, expected: Choice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_has_torch", lambda: True)
    monkeypatch.setattr(choice, "_has_driver", lambda: False)

    with config.set(device=device, backend=backend):
        assert choose() == expected


@pytest.mark.usefixtures("two_devices")
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_torch_takes_cuda_where_it_works(backend: str) -> None:
    with config.set(device="auto", backend=backend):
        assert choose() == Choice("torch", "cuda")


@pytest.mark.parametrize(
    ("device", "backend"), [("cuda", "numpy"), ("cuda:1", "numba"), ("numpy", "torch")]
)
def test_settings_that_exclude_each_other_are_refused(device: str, backend: str) -> None:
    says = f"'{backend}' and the device to '{device}'"

    with config.set(device=device, backend=backend), pytest.raises(ConfigError, match=says):
        choose()


def test_without_a_driver_automatic_means_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_has_driver", lambda: False)

    assert device_of("auto") == "cpu"


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        pytest.param("_has_torch", "needs torch", id="no torch"),
        pytest.param("_cuda_works", "torch finds no CUDA device here", id="no device"),
    ],
)
def test_a_device_that_is_not_there_is_named(
    missing: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_has_torch", lambda: True)
    monkeypatch.setattr(choice, missing, lambda: False)

    with pytest.raises(ConfigError, match=says):
        device_of("cuda")


def test_a_device_that_computes_wrongly_is_replaced_with_one_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoder, _ = shipped("he-fast-1")
    good: Any = backend_for(Choice("numba", "cpu"), decoder)

    class Wrong(NumpyBackend):
        def run(self, *args: Any) -> Any:
            return {k: x + 1 for k, x in super().run(*args).items()}

    monkeypatch.setattr(choice, "_make", lambda _: Wrong())

    with pytest.warns(RuntimeWarning, match="does not compute integer networks exactly"):
        backend = backend_for(Choice("torch", "cuda"), decoder)

    rng = np.random.default_rng(0)
    inputs = {
        f"d{i}": rng.integers(-9, 9, (1, 2, 2, g)).astype(np.float32)
        for i, g in enumerate(decoder.groups, 1)
    }
    network = decoder.networks["synthesis"]
    np.testing.assert_array_equal(
        backend.run_to_pixels(network, inputs, 50), good.run_to_pixels(network, inputs, 50)
    )
