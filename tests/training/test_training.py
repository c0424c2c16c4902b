"""Training on a very small model: what is exported computes what was trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from numcodecs_neural.coding.lossy import decode_streams, encode_streams  # noqa: E402
from numcodecs_neural.networks.models import DecoderModel, EncoderModel  # noqa: E402
from numcodecs_neural.networks.numpy_backend import NumpyBackend  # noqa: E402
from numcodecs_neural.training.data import Crops, principal_components  # noqa: E402
from numcodecs_neural.training.layers import IntegerConv, clamp_ste, round_ste  # noqa: E402
from numcodecs_neural.training.losses import loss_of  # noqa: E402
from numcodecs_neural.training.model import (  # noqa: E402
    ANCHORS,
    Codec,
    Shape,
    blend_of,
    lmbda_of,
    logistic_bits,
)
from numcodecs_neural.training.recipe import Recipe, train  # noqa: E402
from numcodecs_neural.training.sources import load_images  # noqa: E402
from numcodecs_neural.training.tables import (  # noqa: E402
    fitted_tables,
    logistic_tables,
    thrifty_rounding,
)
from numcodecs_neural.weights.files import read_weights  # noqa: E402

SMALL = Shape(
    groups=(6, 8, 10),
    hyper=4,
    features=8,
    has_branches=True,
    hidden8=8,
    hidden16=8,
    context=10,
    synthesis=8,
)


@pytest.fixture(scope="module")
def crops(folder: Path) -> Crops:
    return Crops(load_images(folder)[0], seed=3)


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
    from numcodecs_neural.training.layers import choose_weight_exponents

    layer = IntegerConv(4, 1)
    with torch.no_grad():
        layer.weight.fill_(0.5)

    choose_weight_exponents(layer)

    integers = layer.integer_weight()
    assert 1024 <= integers.max() <= 2047
    assert integers.sum() * 2047 < 2**24


def test_rare_symbols_are_rounded_towards_zero() -> None:
    rounding = thrifty_rounding(logistic_tables(), 1.0)

    assert (thrifty_rounding(logistic_tables(), 0.0) == 8).all()
    assert (np.diff(rounding.astype(int)) >= 0).all()
    assert rounding[0] < 4
    assert rounding[-1] == 8


def test_tables_follow_what_was_seen() -> None:
    symbols = np.repeat(np.array([0, 1, -1, 2], np.int32), [90_000, 4000, 4000, 2000])
    indexes = np.full(len(symbols), 30, np.uint8)

    tables, _ = fitted_tables([(symbols, indexes)])

    zero = -int(tables.offset[30])
    assert tables.frequency[30, zero] / 2**14 == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("has_branches", [False, True], ids=["linear", "branches"])
def test_what_is_exported_is_what_was_trained(
    folder: Path,
    tmp_path: Path,
    *,
    has_branches: bool,
) -> None:
    recipe = Recipe(
        minutes=0.06,
        finish_minutes=0.04,
        shape=replace(SMALL, has_branches=has_branches),
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
