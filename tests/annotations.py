"""Names for the types that stand in the signatures of many tests."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numcodecs_neural.converters.sources import SlideSource

Image = NDArray[np.uint8]
Rng = np.random.Generator

# What fixtures hand out, by the name of the fixture.
Psnr = Callable[[NDArray[Any], NDArray[Any]], float]
FreshPython = Callable[..., str]
ReadFiles = Callable[[Path], dict[str, bytes]]  # files_of
RunCli = Callable[..., tuple[int, str, str]]  # run_cli: exit code, stdout and stderr
Open = Callable[..., "SlideSource"]  # opened
FindFile = Callable[[str], Path]  # shared_file and shared_slide
Convert = Callable[..., tuple[Any, Any]]  # converted: the store and the report
Refused = Callable[..., str]  # refused: what a command says that must fail
