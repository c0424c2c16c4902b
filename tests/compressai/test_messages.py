"""What is said of files that are no models: one sentence, and no advice to run their code."""

from collections.abc import Callable
from pathlib import Path

import pytest

from numcodecs_neural.compressai import import_checkpoint
from numcodecs_neural.errors import WeightsError


def test_another_architecture_is_said_in_one_line(make_checkpoint: Callable[..., Path]) -> None:
    path = make_checkpoint("mbt2018-mean")

    with pytest.raises(WeightsError, match=r"is no mbt2018 model: .*mbt2018-mean") as caught:
        import_checkpoint(path, "mbt2018")

    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.usefixtures("library")
def test_nobody_is_told_to_load_more_than_tensors(tmp_path: Path) -> None:
    path = tmp_path / "picture.pth"
    path.write_bytes(b"\x89PNG\r\n\x1a\n, or what begins like one")

    with pytest.raises(WeightsError, match="save the state dict of the model alone") as caught:
        import_checkpoint(path, "mbt2018")

    assert "weights_only" not in str(caught.value)
    assert "\n" not in str(caught.value)
