"""Layer graph of a codec as it ships: the tensors that each layer reads, in order of execution.

One description serves both the choice of exponents (:mod:`.quantize`) and the export
(:mod:`.export`). Names of tensors are those of the weights files (SPEC.md, section 6).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from numcodecs_neural.networks.description import Op, Source
from numcodecs_neural.training.layers import IntegerConv
from numcodecs_neural.training.model import Codec

Unit = Literal["hidden", "latent", "hyper", "pixel", "mean", "index"]


@dataclass(frozen=True, slots=True)
class Term:
    """What one layer adds to a sum; its bias may have been added by another term."""

    layer: IntegerConv
    sources: tuple[Source, ...]
    is_biased: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operation: the sum of `terms` (``conv``), or a move or look-up of `source`."""

    name: str
    op: Op
    source: Source | None = None
    factor: int = 1
    terms: tuple[Term, ...] = ()
    unit: Unit = "hidden"

    @property
    def inputs(self) -> tuple[Source, ...]:
        """All tensors that the node reads, in order."""
        if self.source is not None:
            return (self.source,)
        return tuple(s for term in self.terms for s in term.sources)


Networks = dict[str, tuple[Node, ...]]


def decoder_networks(codec: Codec) -> Networks:
    """``features``, ``pass1``, ``pass2``, ..., ``synthesis``."""
    networks = {"features": _features(codec)}
    for number in range(1, len(codec.shape.passes) + 1):
        networks[f"pass{number}"] = tuple(_pass(codec, number))
    networks["synthesis"] = tuple(_synthesis(codec))
    return networks


def encoder_networks(codec: Codec) -> Networks:
    """``analysis`` and ``hyper_analysis``."""
    h_a, first = codec.h_a, codec.h_a.first
    hyper = (
        _table("sizes", Source("y")),
        _table("signs", Source("y", 0, first)),
        _conv("a0", h_a.a0, ["sizes", "signs"]),
        _move("a0u", "unshuffle", "a0", 2),
        _conv("a1", h_a.a1, ["a0u"]),
        _move("a1u", "unshuffle", "a1", 2),
        _conv("a2", h_a.a2, ["a1u"]),
        _conv("z", h_a.a3, ["a2"], "hyper"),
    )
    return {"analysis": tuple(_analysis(codec)), "hyper_analysis": hyper}


def _features(codec: Codec) -> tuple[Node, ...]:
    e = codec.entropy
    return (
        _conv("f1", e.f1, ["z"]),
        _conv("f2", e.f2, ["f1"]),
        _move("f2s", "shuffle", "f2", 2),
        _conv("f3", e.f3, ["f2s"]),
        _move("f", "shuffle", "f3", 2),
    )


def _pass(codec: Codec, number: int) -> Iterator[Node]:
    e, shape = codec.entropy, codec.shape
    context, features = f"context{number - 1}", "f" if number < 3 else f"f{number - 1}_"
    if number > 1:
        network, before = e.networks.at(number - 2), shape.passes[number - 2].group
        yield _table(f"log{number}", Source(f"y{before}"))
        seen = [f"log{number}"] if number == 2 else [context, f"log{number}"]
        yield _conv(f"mix{number}", network.mix, seen)
        context = f"mix{number}"
        for place, layer in enumerate(network.around, 1):
            is_last = place == len(network.around)
            name = f"context{number}" if is_last else f"around{number}_{place}"
            yield _conv(name, layer, [context])
            context = name
        yield _conv(f"f{number}_", network.join, [features, context])
        features = f"f{number}_"
    if shape.has_mean[number - 1]:
        head = e.mean.at(sum(shape.has_mean[: number - 1]))
        yield _conv(f"mean{number}", head, [context], "mean")
    yield _conv(f"index{number}", e.index.at(number - 1), [features], "index")


def _synthesis(codec: Codec) -> Iterator[Node]:
    g_s, shape = codec.g_s, codec.shape
    latents = [f"d{g}" for g in range(1, len(shape.groups) + 1)]
    terms = [_term(g_s.linear, latents)]
    if g_s.has_branch:
        yield _conv("n1", g_s.n1, _first(shape.groups, shape.context))
        yield _conv("n2", g_s.n2, ["n1"])
        yield _move("stage0", "shuffle", "n2", 2)
        stages = ["stage0"]
        for place, layer in enumerate(g_s.around, 1):
            yield _conv(f"stage{place}", layer, [stages[-1]])
            stages.append(f"stage{place}")
        yield _conv("gather", g_s.gather, stages)
        yield _move("gathered", "unshuffle", "gather", 2)
        terms.append(_term(g_s.last, ["gathered"]))
    yield Node(name="p", op="conv", terms=tuple(terms), unit="pixel")
    yield _move("pixels", "shuffle", "p", shape.stride)


def _analysis(codec: Codec) -> Iterator[Node]:
    g_a, stride = codec.g_a, codec.shape.stride
    yield _move("x16", "unshuffle", "x", stride)
    terms = [_term(g_a.linear, ["x16"])]
    if codec.shape.pixel_fraction:
        yield _move("x16_fraction", "unshuffle", "x_fraction", stride)
        terms.append(Term(g_a.linear, (Source("x16_fraction"),), is_biased=False))
    if g_a.has_branch:
        yield _move("x8", "unshuffle", "x", 8)
        yield _conv("e0", g_a.e0, ["x8"])
        yield _conv("e1", g_a.e1, ["e0"])
        yield _conv("e2", g_a.e2, ["e1", "e0"])
        yield _move("e2u", "unshuffle", "e2", 2)
        yield _conv("e3", g_a.e3, ["e2u"])
        yield _conv("e4", g_a.e4, ["e3"])
        terms.append(_term(g_a.last, ["e4", "e3"]))
    yield Node(name="y", op="conv", terms=tuple(terms), unit="latent")


def _first(groups: Sequence[int], count: int) -> list[str | Source]:
    """The first `count` dequantised latents."""
    sources: list[str | Source] = []
    for number, size in enumerate(groups, 1):
        if count > 0:
            sources.append(f"d{number}" if count >= size else Source(f"d{number}", 0, count))
        count -= size
    return sources


def _term(layer: IntegerConv, sources: Sequence[str | Source]) -> Term:
    return Term(layer, tuple(Source(s) if isinstance(s, str) else s for s in sources))


def _conv(
    name: str, layer: IntegerConv, sources: Sequence[str | Source], unit: Unit = "hidden"
) -> Node:
    return Node(name=name, op="conv", terms=(_term(layer, sources),), unit=unit)


def _move(name: str, op: Op, source: str, factor: int) -> Node:
    return Node(name=name, op=op, source=Source(source), factor=factor)


def _table(name: str, source: Source) -> Node:
    return Node(name=name, op="table", source=source)
