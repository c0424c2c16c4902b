"""Training on a very small model: what is exported computes what was trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from numcodecs_neural.entropy import SKIP

torch = pytest.importorskip("torch", reason="training needs torch")

from numcodecs_neural.coding.dec_streams import decode_streams  # noqa: E402
from numcodecs_neural.coding.enc_streams import encode_streams  # noqa: E402
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend  # noqa: E402
from numcodecs_neural.networks.dec_model import DecoderModel  # noqa: E402
from numcodecs_neural.networks.enc_model import EncoderModel  # noqa: E402
from numcodecs_neural.training.data import Crops, principal_components  # noqa: E402
from numcodecs_neural.training.layers import (  # noqa: E402
    IntegerConv,
    Span,
    clamp_ste,
    finest_exponents,
    round_ste,
)
from numcodecs_neural.training.losses import loss_of  # noqa: E402
from numcodecs_neural.training.model import (  # noqa: E402
    ANCHORS,
    Codec,
    Pass,
    Shape,
    blend_of,
    lmbda_of,
    logistic_bits,
)
from numcodecs_neural.training.recipe import Recipe, train  # noqa: E402
from numcodecs_neural.training.sources import load_images  # noqa: E402
from numcodecs_neural.training.tables import (  # noqa: E402
    ROWS,
    fitted_tables,
    logistic_tables,
    price_of,
)
from numcodecs_neural.weights.files import read_weights  # noqa: E402

SMALL = Shape(
    groups=(6, 8, 10),
    passes=(
        Pass(1, "even", 8),
        Pass(1, "odd", 6, 2),
        Pass(2, "all", 8),
        Pass(3, "all", 4),
    ),
    hyper=4,
    features=8,
    analysis=(8, 8),
    synthesis=(8, 8),
    blocks=2,
    context=10,
)


def test_rounding_and_clamping_let_gradients_through() -> None:
    x = torch.tensor([-2.6, 0.4, 2.5, 9.0], requires_grad=True)

    y = clamp_ste(round_ste(x), -1, 5)
    y.sum().backward()  # type: ignore[no-untyped-call]

    assert y.tolist() == [-1, 0, 3, 5]
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1]  # the sum falls by moving 9 back into the range


def test_bits_are_those_of_the_logistic_density() -> None:
    index = torch.full((400,), 40.0)
    symbols = torch.arange(-200, 200).float()

    probability = 2.0 ** -logistic_bits(symbols, index)

    assert probability.sum().item() == pytest.approx(1, abs=1e-3)
    assert probability[200] == probability.max()


def test_qualities_are_interpolated_between_anchors() -> None:
    t = torch.tensor([0.0, 0.1, 1.0])

    blend = blend_of(t)

    assert blend.shape == (3, ANCHORS)
    np.testing.assert_allclose(blend.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(blend[1, :2], 0.5, rtol=1e-6)
    assert (lmbda_of(t)[1:] > lmbda_of(t)[:-1]).all()


def test_a_fresh_codec_starts_as_a_classical_transform(crops: Crops) -> None:
    torch.manual_seed(0)
    codec = Codec(SMALL)
    components, mean = principal_components(crops, SMALL.latents, patches=2000)
    codec.start_from_principal_components(torch.from_numpy(components), torch.from_numpy(mean))

    _, log = loss_of(codec, torch.from_numpy(crops.batch(8, 64)), torch.ones(8))

    assert log["psnr"] > 22  # noise would be near 10


def test_weights_get_the_finest_exponent_that_is_proved() -> None:
    layer, span = IntegerConv(4, 1), Span.of(4, 3, -2047, 2047)
    with torch.no_grad():
        layer.weight.fill_(0.5)

    exponent = finest_exponents([(layer, span, True)])

    integers = layer.integer_weight(span.exponent, exponent)
    assert 1024 <= integers.max() <= 2047
    assert integers.sum() * 2047 < 2**24
    assert (integers == 0.5 * 2 ** (exponent - 3)).all()


def test_terms_of_one_sum_share_its_room() -> None:
    layers = [IntegerConv(8, 2), IntegerConv(8, 2)]
    with torch.no_grad():
        for layer in layers:
            layer.weight.fill_(0.5)
    span = Span.of(8, 3, -2047, 2047)

    alone = finest_exponents([(layers[0], span, True)])
    together = finest_exponents([(layer, span, True) for layer in layers])

    assert (together == alone - 1).all()


def test_a_bit_is_worth_what_theory_says() -> None:
    assert price_of(0.0) == 0
    assert price_of(1.0) == pytest.approx(256 * np.log(2) / 6, abs=0.5)


def rows_of(classes: int, row: int) -> int:
    return ROWS // 3 * row + classes


def test_tables_of_the_density_expect_no_symbol_of_0_where_odd_halves_are_near() -> None:
    tables = logistic_tables()

    assert len(tables) == ROWS
    for number in (20, 40, 60):
        first, second = (
            int(tables.frequency[rows_of(number, row), -tables.offset[rows_of(number, row)]])
            for row in (1, 2)
        )
        assert second < 0.55 * first  # 0 has half a step, not one, on either side together


def test_tables_follow_what_was_seen_under_either_quantiser() -> None:
    symbols = np.repeat(np.array([0, 1, -1, 2], np.int32), [90_000, 4000, 4000, 2000])
    others = np.repeat(np.array([0, 1, -1], np.int32), [40_000, 30_000, 30_000])
    parts = [
        (symbols, np.full(len(symbols), rows_of(30, 1), np.uint8)),
        (others, np.full(len(others), rows_of(30, 2), np.uint8)),
        (symbols[:10], np.full(10, SKIP, np.uint8)),
    ]

    tables, _ = fitted_tables(parts)

    for row, share in ((1, 0.9), (2, 0.4)):
        number = rows_of(30, row)
        zero = -int(tables.offset[number])
        assert tables.frequency[number, zero] / 2**14 == pytest.approx(share, abs=0.02)


def test_classes_that_are_hardly_ever_other_than_0_are_skipped() -> None:
    rare = np.repeat(np.array([0, 1], np.int32), [99_900, 100])
    frequent = np.repeat(np.array([0, 1], np.int32), [99_000, 1000])
    parts = [(rare, np.full(len(rare), rows_of(k, 1), np.uint8)) for k in range(5)]
    parts += [(frequent, np.full(len(frequent), rows_of(5, row), np.uint8)) for row in (1, 2)]

    _, skip_below = fitted_tables(parts)

    assert skip_below == 5


@pytest.mark.parametrize("has_branches", [False, True], ids=["linear", "branches"])
def test_what_is_exported_is_what_was_trained(
    folder: Path, tmp_path: Path, *, has_branches: bool
) -> None:
    recipe = Recipe(
        minutes=0.06,
        finish_minutes=0.04,
        shape=SMALL if has_branches else replace(SMALL, analysis=(0, 0), synthesis=(0, 0)),
        batch=4,
        crop_px=64,
        table_batches=8,
    )
    lines: list[str] = []

    train(folder, tmp_path, "small-1", recipe, lines.append)

    file = read_weights(tmp_path / "small-1.decoder.safetensors")
    decoder = DecoderModel.from_file(file)
    encoder = EncoderModel.from_file(
        read_weights(tmp_path / "small-1.encoder.safetensors"), file.sha256
    )
    image = load_images(folder)[1][0][:128, :128].transpose(2, 0, 1)[None].copy()
    errors, sizes = [], []
    for quality in (0, 50, 100):
        (stream,) = encode_streams(
            image, 1, quality, decoder=decoder, encoder=encoder, backend=NumpyBackend()
        )
        pixels = decode_streams(
            [stream], (1, 128, 128), quality, decoder=decoder, backend=NumpyBackend()
        )
        errors.append(float(np.mean((pixels.astype(float) - image) ** 2)))
        sizes.append(len(stream))
    assert sizes == sorted(sizes)
    assert errors[-1] < 120  # 27 dB from a model of a few thousand weights, in seconds
    assert str(tmp_path) in lines[-1]
    again = (tmp_path / "small-1.decoder.safetensors").read_bytes()
    train(folder, tmp_path, "small-1", recipe, lines.append)
    assert (tmp_path / "small-1.decoder.safetensors").read_bytes() == again
