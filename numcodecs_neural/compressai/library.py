"""CompressAI: imported here and nowhere else, when a model is imported or a chunk is coded."""

import functools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numcodecs_neural.compressai.architectures import ARCHITECTURES
from numcodecs_neural.errors import MissingDependencyError

__all__ = ["Library", "load_library"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What is used of CompressAI.

    Parameters
    ----------
    models : mapping of str to type
        Classes of models, by architecture.
    modern_keys : callable
        Renames the keys of state dicts that older releases saved.
    encoder, decoder : type
        Of streams of symbols.
    """

    models: Mapping[str, Any]
    modern_keys: Callable[[Mapping[str, Any]], dict[str, Any]]
    encoder: Any
    decoder: Any


@functools.cache
def load_library() -> Library:
    """Import CompressAI.

    Raises
    ------
    MissingDependencyError
        If it is not installed, or breaks while it is imported.
    """
    try:
        # What it warns of (torch functions that will go) is not for the users of a codec to mend.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import compressai.models
            import compressai.zoo.pretrained
            from compressai.ans import RansDecoder, RansEncoder  # codespell:ignore ans
    except ModuleNotFoundError as exc:
        raise MissingDependencyError(
            f"compressai_image needs CompressAI, and the module {exc.name!r} is not installed: "
            "pip install 'numcodecs-neural[compressai]'"
        ) from exc
    except Exception as exc:  # torchvision raises RuntimeError, compiled modules raise anything
        raise MissingDependencyError(
            f"CompressAI is installed and cannot be imported ({type(exc).__name__}: {exc}). If "
            "this names torchvision, the installed torchvision was built for another torch "
            "(another version, or CUDA against CPU): install the two from the same place, "
            "otherwise: pip install --force-reinstall 'numcodecs-neural[compressai]'"
        ) from exc
    return Library(
        models={
            name: getattr(compressai.models, arch.class_name)
            for name, arch in ARCHITECTURES.items()
        },
        modern_keys=compressai.zoo.pretrained.load_pretrained,
        encoder=RansEncoder,
        decoder=RansDecoder,
    )
