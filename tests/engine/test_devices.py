"""CUDA devices that cannot be used: by their number, and after a fork."""

import pytest

from numcodecs_neural.engine import devices
from numcodecs_neural.engine.devices import device_of
from numcodecs_neural.errors import ConfigError


@pytest.fixture
def two_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it look as if this machine had two CUDA devices."""
    torch = pytest.importorskip("torch")

    for name in ("_has_driver", "_has_torch", "_cuda_works"):
        monkeypatch.setattr(devices, name, lambda: True)
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
def test_automatic_is_numpy_after_a_fork() -> None:
    assert device_of("auto") == "numpy"


@pytest.mark.usefixtures("forked")
def test_cuda_after_a_fork_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"was forked .* set the device to 'auto'"):
        device_of("cuda")


def test_this_process_was_not_forked_from_one_with_cuda() -> None:
    pytest.importorskip("torch")

    assert not devices._cuda_was_forked()
