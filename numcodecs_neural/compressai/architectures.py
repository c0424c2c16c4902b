"""The architectures that can be used, by the names that CompressAI gives them."""

from dataclasses import dataclass

from numcodecs_neural.errors import BitstreamError, ConfigError

__all__ = ["ARCHITECTURES", "Architecture", "architecture_of_code", "parse_architecture"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What the coder must know of an architecture; its layers are CompressAI's affair.

    Parameters
    ----------
    name : str
        CompressAI's name, e.g. ``"mbt2018-mean"``.
    code : int
        Its number in chunks.
    class_name : str
        Its class in ``compressai.models``.
    has_hyperprior : bool
        Whether hyper-latents give the scales of the latents.
    has_means : bool
        Whether they give their means too.
    has_context : bool
        Whether both depend on the latents before: then coding is sequential, and slow.
    """

    name: str
    code: int
    class_name: str
    has_hyperprior: bool = True
    has_means: bool = True
    has_context: bool = False


ARCHITECTURES = {
    found.name: found
    for found in (
        Architecture(
            name="bmshj2018-factorized",
            code=1,
            class_name="FactorizedPrior",
            has_hyperprior=False,
            has_means=False,
        ),
        Architecture(
            name="bmshj2018-hyperprior", code=2, class_name="ScaleHyperprior", has_means=False
        ),
        Architecture(name="mbt2018-mean", code=3, class_name="MeanScaleHyperprior"),
        Architecture(
            name="mbt2018",
            code=4,
            class_name="JointAutoregressiveHierarchicalPriors",
            has_context=True,
        ),
        Architecture(
            name="cheng2020-anchor", code=5, class_name="Cheng2020Anchor", has_context=True
        ),
        Architecture(
            name="cheng2020-attn", code=6, class_name="Cheng2020Attention", has_context=True
        ),
    )
}


def parse_architecture(name: object) -> Architecture:
    """Return the architecture called `name`.

    Raises
    ------
    ConfigError
        If there is none.

    Examples
    --------
    >>> parse_architecture("mbt2018").has_context
    True
    """
    found = ARCHITECTURES.get(name) if isinstance(name, str) else None
    if found is None:
        raise ConfigError(f"arch is {name!r}; it can be {', '.join(ARCHITECTURES)}")
    return found


def architecture_of_code(code: int) -> Architecture:
    """Return the architecture that a chunk names by number, or raise BitstreamError."""
    for found in ARCHITECTURES.values():
        if found.code == code:
            return found
    raise BitstreamError(f"chunk has architecture {code}, which this release does not know")
