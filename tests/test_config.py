"""Process settings: chosen, else from the environment, else the default."""

import os

import pytest

from numcodecs_neural import config
from numcodecs_neural.errors import ConfigError


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMCODECS_NEURAL_DEVICE", raising=False)
    monkeypatch.delenv("NUMCODECS_NEURAL_BACKEND", raising=False)
    monkeypatch.delenv("NUMCODECS_NEURAL_THREADS", raising=False)
    monkeypatch.delenv("NUMCODECS_NEURAL_CACHE_MIB", raising=False)


def test_defaults_are_any_device_and_all_cpus() -> None:
    settings = config.get()

    assert (settings.device, settings.backend) == ("auto", "auto")
    assert 1 <= settings.threads <= (os.cpu_count() or 1)
    assert settings.cache_mib == 256


def test_environment_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMCODECS_NEURAL_DEVICE", "cuda:1")
    monkeypatch.setenv("NUMCODECS_NEURAL_BACKEND", "torch")
    monkeypatch.setenv("NUMCODECS_NEURAL_THREADS", "3")
    monkeypatch.setenv("NUMCODECS_NEURAL_CACHE_MIB", "0")

    assert config.get() == config.Settings(device="cuda:1", backend="torch", threads=3, cache_mib=0)


def test_what_is_set_outranks_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMCODECS_NEURAL_DEVICE", "cuda")

    with config.set(device="numpy"):
        assert config.get().device == "numpy"

    assert config.get().device == "cuda"


def test_inner_settings_end_with_their_block() -> None:
    with config.set(device="cpu", threads=2):
        with config.set(device="numpy"):
            assert config.get() == config.Settings(device="numpy", threads=2)

        assert config.get() == config.Settings(device="cpu", threads=2)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"device": "gpu"}, "device is 'gpu'"),
        ({"device": "cuda:x"}, "device is 'cuda:x'"),
        ({"backend": "cupy"}, "backend is 'cupy'; it can be 'auto', 'numpy', 'numba' or 'torch'"),
        ({"threads": 0}, "threads is 0"),
        ({"threads": "many"}, "threads is 'many'"),
        ({"threads": True}, "threads is True"),
        ({"cache_mib": -1}, "cache_mib is -1; it can be 'auto' or a whole number from 0 on"),
    ],
    ids=str,
)
def test_bad_settings_are_refused_and_change_nothing(settings: dict[str, str], says: str) -> None:
    before = config.get()

    with pytest.raises(ConfigError, match=says):
        config.set(**settings)

    assert config.get() == before


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMCODECS_NEURAL_DEVICE", "gpu")

    with pytest.raises(ConfigError, match="NUMCODECS_NEURAL_DEVICE is 'gpu'"):
        config.get()
