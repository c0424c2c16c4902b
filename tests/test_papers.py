"""The papers' experiments: their logic, and each from end to end on a small image."""

import argparse
import importlib
import json
import re
import runpy
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.errors import ConfigError, WeightsError
from numcodecs_neural.training.split import is_held_back
from numcodecs_neural.weights import resolve
from tests.annotations import Image, Rng
from tests.test_examples import declared_in, distributions_of
from tests.test_packaging import imports_of

Load = Callable[[str], Any]
Run = Callable[..., str]

torch = pytest.importorskip("torch", reason="the experiments need torch")

ROOT = Path(__file__).resolve().parents[1]
PAPERS = ROOT / "examples" / "papers"
SCRIPTS = sorted(path.stem for path in PAPERS.glob("*.py") if not path.stem.startswith("papers_"))
# Without these CompressAI cannot be imported where torchvision was built for another torch.
KEPT = runpy.run_path(str(ROOT / "tests" / "compressai" / "operators.py"))["declare"]()


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return a function that imports a script, which finds what stands beside it."""
    monkeypatch.syspath_prepend(str(PAPERS))
    return importlib.import_module


@pytest.fixture
def run(load: Load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a script, with some of its constants changed: what it prints."""

    def run_script(name: str, *arguments: object, **constants: object) -> str:
        for constant, value in constants.items():
            monkeypatch.setattr(load(name), constant, value)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with config.set(device="numpy", threads=1):
            load(name).main()
        return capsys.readouterr().out

    return run_script


@pytest.fixture
def images(tissue: Image, tmp_path: Path) -> Path:
    """Return a folder with one image that holds 192 x 192 pixels off the grid, in either view."""
    folder = tmp_path / "images"
    folder.mkdir()
    large = np.tile(tissue.transpose(1, 2, 0)[:208, :208], (2, 2, 1))
    imagecodecs.imwrite(folder / "tissue.png", large)
    return folder


@pytest.fixture
def patch(tissue: Image) -> Image:
    return np.ascontiguousarray(tissue.transpose(1, 2, 0)[100:292, 100:292])


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """Return the file of a network with random weights."""
    from numcodecs_neural.training.features import FeatureNetwork, save_features

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = FeatureNetwork()
        tiles = 255 * torch.rand(2, 3, 64, 64)
        network.settle(tiles, (tiles + 9 * torch.randn(tiles.shape)).clamp(0, 255))
    path = tmp_path / "features.safetensors"
    save_features(network, path, {})
    return path


@pytest.fixture
def figure(tmp_path: Path) -> Path:
    return tmp_path / "figure.png"


def cells(text: str, first: str) -> list[str]:
    """Return the cells after the first of the only row of tables that begins so."""
    (row,) = (line for line in text.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in row.split("|")[2:-1]]


def is_png(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size < 120_000


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_declares_what_it_and_its_neighbours_import(name: str) -> None:
    extras = {"torch": "numcodecs-neural", "matplotlib": "numcodecs-neural", "PIL": "pillow"}

    assert distributions_of(roots_of(name), **extras) <= declared_in(PAPERS / f"{name}.py")


def roots_of(name: str) -> set[str]:
    """Return the top-level packages that a script imports, by way of its neighbours too."""
    roots = imports_of(PAPERS / f"{name}.py")
    beside = {root for root in roots if (PAPERS / f"{root}.py").is_file()}
    return (roots - beside).union(*map(roots_of, beside))


def test_readme_shows_every_script_and_every_figure() -> None:
    text = (PAPERS / "README.md").read_text()

    assert set(re.findall(r"^python (\w+)\.py ", text, re.M)) == set(SCRIPTS)
    shown = set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", text))
    assert shown == {path.name for path in PAPERS.glob("*.png")}
    assert all(is_png(PAPERS / name) for name in shown)


def test_patches_are_spread_over_what_there_is(load: Load) -> None:
    spread = load("papers_common").spread

    assert spread(range(10), 2) == [2, 7]
    assert spread(range(3), 5) == spread(range(3), None) == [0, 1, 2]


@pytest.mark.parametrize("name", ["he-fast-1", "he-fast-2"])
def test_weights_of_files_code_as_those_of_the_release(name: str, load: Load, patch: Image) -> None:
    weights = load("papers_weights")
    stem = str(resolve(name).decoder_path).removesuffix(".decoder.safetensors")
    by_name, by_file = weights.rgb_coders(f"{name},again={stem}", (40,))

    stored = by_name.encode(patch, 40, (0, 255))

    assert by_file.name == "again"
    assert by_file.encode(patch, 40, (0, 255)) == stored
    decoded = by_file.decode(stored, 40, patch.shape)
    assert np.array_equal(decoded, by_name.decode(stored, 40, patch.shape))


def test_weights_that_cannot_be_told_apart_or_used_are_refused(load: Load) -> None:
    weights = load("papers_weights")

    with pytest.raises(ConfigError, match="LABEL="):
        weights.rgb_coders("he-fast,he-fast")
    with pytest.raises(WeightsError, match="8-bit RGB"):
        weights.rgb_coder("grey-fast")


def test_shifts_move_colour_and_nothing_else(load: Load) -> None:
    from skimage.color import rgb2lab

    grey = np.full((8, 8, 3), 128, np.uint8)
    shifts = load("metric_behaviour").shifts

    moved = [rgb2lab(x)[0, 0] - rgb2lab(grey)[0, 0] for x in shifts(grey, 20)]

    wanted = [(0, 20, 0), (0, -20, 0), (0, 0, 20), (0, 0, -20)]
    assert np.allclose(moved, wanted, atol=0.7)
    assert all(np.array_equal(x, grey) for x in shifts(grey, 0))


def test_ssim_is_blinder_to_colour_than_psnr(load: Load, patch: Image) -> None:
    script = load("metric_behaviour")
    scorers = {name: script.usable_scorers(None)[name] for name in ("PSNR", "SSIM")}
    qualities = [partial(script.jpegs, quality=quality) for quality in script.QUALITIES]
    jpeg = script.measure([patch], scorers, qualities)
    shifted = script.measure([patch], scorers, [lambda x: script.shifts(x, 20)])

    assert all(curve == sorted(curve, reverse=True) for curve in jpeg.values())
    assert script.as_bad_as(jpeg["PSNR"], shifted["PSNR"][0]) == "below 10"
    assert script.as_bad_as(jpeg["SSIM"], shifted["SSIM"][0]).isdecimal()


def test_metric_behaviour_runs(run: Run, images: Path, features: Path, figure: Path) -> None:
    files = (images, "--features", features, "--figure", figure)

    text = run("metric_behaviour", *files, QUALITIES=(90, 10), SHIFTS=(0, 30))

    good, bad = ([float(cell) for cell in cells(text, q)] for q in ("90", "10"))
    assert good[0] > bad[0]
    assert good[-1] < bad[-1]
    assert is_png(figure)


def test_error_of_chroma_is_that_of_glass_alone(load: Load) -> None:
    script = load("white_stays_white")
    glass = np.ones((16, 16), bool)
    glass[:, 8:] = False
    patch = script.Patch("", np.full((16, 16, 3), 200, np.uint8), glass)
    brighter, bluer, coloured = (patch.pixels.copy() for _ in range(3))
    brighter += 9
    bluer[..., 2] += 4  # half of it is Cb
    coloured[:, 8:, 0] += 40
    coloured[0, 0, 0] += 4

    assert script.chroma_error(patch, brighter).pixel == pytest.approx(0, abs=1e-4)
    assert script.chroma_error(patch, bluer) == script.Error(2, 2, 1)
    assert script.chroma_error(patch, coloured).pixel == pytest.approx(2)
    assert script.chroma_error(patch, coloured).block == pytest.approx(2 / 64)
    assert script.chroma_error(patch, coloured).over_one == pytest.approx(1 / 128)


def test_glass_keeps_off_tissue(load: Load) -> None:
    script = load("white_stays_white")
    slide = np.full((256, 256, 3), (221, 210, 226), np.uint8)
    slide[96:128, 96:128] = (140, 60, 130)

    colour = script.glass_colour(slide)
    glass = script.is_glass(slide, colour)

    assert tuple(colour) == (221, 210, 226)
    assert glass[:70].all()
    assert not glass[96 - 15 : 128 + 15, 96 - 15 : 128 + 15].any()
    assert glass[:, 180:].all()


def test_one_colour_stays_as_it_is(load: Load) -> None:
    script = load("white_stays_white")
    coder = load("papers_weights").rgb_coder("he-fast", (0,))
    plain = [p for p in script.synthetic() if p.kind in ("white 255", "grey 245")]

    errors = script.measure(plain, coder, 0)

    assert errors == {"white 255": script.Error(0, 0, 0), "grey 245": script.Error(0, 0, 0)}


def test_white_stays_white_runs_on_a_slide(
    run: Run, tissue: Image, rng: Rng, tmp_path: Path, figure: Path
) -> None:
    slide = np.full((515, 1029, 3), 244, np.uint8)
    slide[:, :517] += rng.integers(0, 3, (515, 517, 3), np.uint8)
    slide[:200, :517] = tissue.transpose(1, 2, 0)[:200, :512].repeat(2, axis=1)[:, :517]
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, slide, photometric="rgb")

    text = run("white_stays_white", path, "--figure", figure, QUALITIES=(0, 100))

    blocks = text.split("levels\n")[1]
    assert float(cells(blocks, "slide.tif: glass")[0]) == 0
    least, most = (float(c) for c in cells(blocks, "slide.tif: glass beside tissue")[1::-1])
    assert 0 <= least < most
    assert is_png(figure)


def test_bisection_finds_the_lowest_setting(load: Load, patch: Image) -> None:
    script = load("equal_ssim")
    jpeg = script.with_steps(script.peer("jpeg420"), range(1, 101))
    wanted = script.reference(patch, jpeg)

    below, reached = script.bracket(patch, jpeg, wanted.ssim)

    assert (below.setting, reached.setting) == (79, 80)
    assert script.exact_size(below, reached, wanted.ssim) == pytest.approx(len(wanted.stored))
    between = script.exact_size(below, reached, (below.ssim + reached.ssim) / 2)
    assert len(below.stored) < between < len(reached.stored)
    assert script.bracket(patch, script.with_steps(jpeg, [10]), wanted.ssim)[1] is None


def test_equal_ssim_runs(run: Run, load: Load, images: Path, figure: Path) -> None:
    settings = load("equal_ssim").SETTINGS | {"jpeg444": (1, 100), "webp": (1,)}
    arguments = (images, "--peers", "jpeg444,webp", "--figure", figure)

    text = run("equal_ssim", *arguments, SETTINGS=settings)

    wanted = float(re.findall(r"SSIM (0\.\d+) ", text)[0])
    ours = cells(text, "he-fast-2")
    assert wanted <= float(ours[0]) < wanted + 0.01
    assert float(ours[3].split()[0]) <= float(ours[2].split()[0])
    assert float(cells(text, "JPEG 4:4:4")[2].split()[0]) > 100
    assert cells(text, "WebP") == [*["not reached"] * 6, "0 of 1"]
    assert is_png(figure)


@pytest.fixture
def jpeg(tissue: Image, tmp_path: Path) -> Path:
    """Return a JPEG file of 192 x 192 pixels, 4:2:0."""
    path = tmp_path / "tissue.jpg"
    pixels = np.ascontiguousarray(tissue.transpose(1, 2, 0)[:192, :192])
    path.write_bytes(imagecodecs.jpeg_encode(pixels, level=90, subsampling="420"))
    return path


def test_what_costs_nothing_is_kept_and_what_costs_much_is_dropped(load: Load, jpeg: Path) -> None:
    script = load("on_the_grid")
    (crop,) = script.read_crops(jpeg, 96, 1)
    mosaic = crop.mosaic

    free, cheap, dear = (script.priced(mosaic, price) for price in (0, 40, 1000))

    for kept, some, few, all_of in zip(
        free.coefficients, cheap.coefficients, dear.coefficients, mosaic.coefficients, strict=True
    ):
        assert np.array_equal(kept, all_of)
        assert np.array_equal(few[..., 0], all_of[..., 0])
        assert np.count_nonzero(few) < np.count_nonzero(some) < np.count_nonzero(all_of)
    points = [script.kept(crop, each) for each in (free, cheap, dear)]
    assert points[0].bpp == points[0].ssim == 1
    assert points[0].bpp > points[1].bpp > points[2].bpp
    assert points[0].ssim > points[1].ssim > points[2].ssim


def test_larger_steps_keep_values_to_half_a_step(load: Load, jpeg: Path) -> None:
    script = load("on_the_grid")
    (crop,) = script.read_crops(jpeg, 96, 1)
    mosaic = crop.mosaic

    coarser = script.larger(mosaic, 1.5)

    for number, each in enumerate(map(np.array, coarser.steps)):
        before = mosaic.coefficients[number] * np.array(mosaic.steps[number])
        assert (abs(each - 1.5 * np.array(mosaic.steps[number])) <= 0.5).all()
        assert (abs(coarser.coefficients[number] * each - before) <= each / 2).all()


def test_on_the_grid_runs(run: Run, jpeg: Path) -> None:
    settings = {"jpeg444": (20, 98)}
    few = {"LEVELS": (0.9, 0.93), "PEER_SETTINGS": settings, "QUALITIES": (0, 100)}
    strengths = {"JPEG_QUALITIES": (95, 30), "FACTORS": (1.5, 12), "PRICES": (4, 100)}
    arguments = (jpeg, "--side", 96, "--crops", 2)

    text = run("on_the_grid", *arguments, "--peers", "jpeg444", **few, **strengths)

    assert "| 2 crops | SSIM 0.9 | SSIM 0.93 |" in text
    for name in ("multiples of steps", "larger steps"):
        low, high = (float(cell.split()[0]) for cell in cells(text, name))
        assert low < high < 100
    assert cells(text, "best variant or exact against best other")[1].endswith(" %")


def test_gains_are_those_of_the_best_or_the_exact_chunk(load: Load) -> None:
    script = load("on_the_grid")
    sizes = {"a": [0.5, 2.0, None], "b": [0.8, 3.0, None], "c": [0.6, None, 0.9]}

    gains = [script.gain(sizes, ["a", "b"], at) for at in range(3)]

    assert gains == [pytest.approx(0.2), pytest.approx(-0.5), None]


def test_a_model_needs_as_much_as_itself(
    run: Run, images: Path, features: Path, figure: Path
) -> None:
    weights = "--off", "off=he-fast", "--on", "on=he-fast", "--features", features
    arguments = (images, *weights, "--judge", features, "--figure", figure)

    text = run("feature_term", *arguments, QUALITIES=(20, 60))

    for title in ("PSNR", "MS-SSIM", "feature distance", "feature distance, other network"):
        assert cells(text, title) == ["+0.0 %"] * 3
    by_rate = cells(text, "0.7")
    assert by_rate[1::2] == by_rate[2::2]
    assert by_rate[0] in ("1", "2")
    assert is_png(figure)


def test_values_at_a_rate_lie_between_those_of_its_neighbours(load: Load) -> None:
    script = load("feature_term")
    points = [script.FeaturePoint(setting=1, bpp=b, psnr=p) for b, p in ((0.25, 30), (1, 40))]

    assert script.value_at(points, script.PSNR, 0.5) == pytest.approx(35)
    assert script.reach(0.5, points)
    assert not script.reach(2, points)


@pytest.mark.slow
def test_curves_of_compressai_run(
    run: Run, images: Path, tmp_path: Path, figure: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_checkpoints(tmp_path / "work", (0.01, 0.002))
    monkeypatch.setenv("NUMCODECS_NEURAL_MODELS", str(tmp_path / "models"))
    stored = tmp_path / "codec.json"

    text = run("compressai_curves", tmp_path / "work", images, "--json", stored, "--figure", figure)

    described = json.loads(stored.read_text())
    digests = [entry["weights"] for entry in described["configs"]]
    assert described["name"] == "bmshj2018-factorized"
    assert digests == [digest_of(tmp_path / "work", value) for value in (0.002, 0.01)]
    assert cells(text, "bmshj2018-factorized")[3:] == ["1.0", "1.0"]
    assert float(cells(text, "he-fast-2")[2]) > 0
    assert is_png(figure)


def test_a_folder_without_checkpoints_is_refused(load: Load, tmp_path: Path) -> None:
    pytest.importorskip("compressai")

    with pytest.raises(SystemExit, match=r"train_compressai\.py writes them"):
        load("compressai_curves").describe(tmp_path, "bmshj2018-factorized")


def make_checkpoints(work: Path, lmbdas: tuple[float, ...]) -> None:
    """Save small models with random weights, or skip."""
    zoo = pytest.importorskip("compressai.zoo.image", reason="needs the extra [compressai]")
    work.mkdir()
    for number, lmbda in enumerate(lmbdas):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(number)
            net = zoo.model_architectures["bmshj2018-factorized"](8, 12)
        path = work / f"bmshj2018-factorized-{lmbda:g}.pth.tar"
        torch.save({"state_dict": net.state_dict()}, path)


def digest_of(work: Path, lmbda: float) -> str:
    """Return the digest under which a checkpoint is kept."""
    from numcodecs_neural.compressai import import_checkpoint

    path = work / f"bmshj2018-factorized-{lmbda:g}.pth.tar"
    return import_checkpoint(path, "bmshj2018-factorized")


@pytest.fixture
def stack(rng: Rng, tmp_path: Path) -> Path:
    """Return a file of four slices that differ by noise."""
    plane = np.kron(rng.integers(0, 200, (6, 6)), np.ones((8, 8)))
    noisy = plane + rng.normal(0, 2, (4, 48, 48))
    path = tmp_path / "cells.tif"
    tifffile.imwrite(path, noisy.round().clip(0, 255).astype(np.uint8), photometric="minisblack")
    return path


def test_volumes_runs_on_a_file_and_on_a_folder(run: Run, stack: Path, tmp_path: Path) -> None:
    folder = tmp_path / "planes"
    folder.mkdir()
    for number, plane in enumerate(tifffile.imread(stack)):
        tifffile.imwrite(folder / f"z{number}.tif", plane)

    text = run("volumes", stack, folder, "--slices", 3)

    found = cells(text, "cells")
    assert found == cells(text, "planes")
    assert found[0] == "3x48x48"
    assert float(found[1].split()[0]) < -10
    assert len(found) == 5


def test_volumes_refuses_what_is_no_stack(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "plane.tif"
    tifffile.imwrite(path, np.zeros((8, 8), np.float32))

    with pytest.raises(SystemExit, match="no grey slices"):
        run("volumes", path)


def names(count: int, *, held_back: bool) -> list[str]:
    """Return names of files that fall on one side of the split."""
    numbers = (f"image{number}" for number in range(100))
    return [name for name in numbers if is_held_back(Path(name)) is held_back][:count]


def test_streams_of_the_prior_take_the_bits_that_it_says(load: Load) -> None:
    prior = load("papers_prior")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        density, latents = prior.FactorizedPrior(3), (9 * torch.randn(1, 3, 40, 50)).round()
    latents[0, 1, 0, 0] = 5000

    stream = prior.coded(latents, density.tables())

    likely = density.probability(latents.transpose(0, 1).reshape(3, 1, -1)).clamp(min=1e-9)
    ideal = -torch.log2(likely).sum().item()
    assert torch.equal(prior.decoded(stream, tuple(latents.shape), density.tables()), latents)
    assert ideal - 40 < 8 * len(stream) < 1.005 * ideal + 150


def test_probabilities_of_the_prior_sum_to_one(load: Load) -> None:
    density = load("papers_prior").FactorizedPrior(2)
    steps = torch.arange(-2000, 2001.0).expand(2, 1, -1)

    assert torch.allclose(density.probability(steps).sum(-1), torch.ones(2, 1), atol=1e-3)


def test_training_that_was_stopped_goes_on(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = load("papers_training")
    monkeypatch.setattr(training, "CHECKPOINT_S", -1)
    options = argparse.Namespace(minutes=1, steps=5, seed=0)
    net, seen = torch.nn.Linear(1, 1), []

    def loss_of(step: int) -> Any:
        seen.append(step)
        if seen == [0, 1, 2]:
            raise KeyboardInterrupt
        return net(torch.ones(1, 1)).square().sum()

    with pytest.raises(KeyboardInterrupt):
        training.train(net, loss_of, tmp_path / "net.pt", options)
    training.train(net, loss_of, tmp_path / "net.pt", options)

    assert seen == [0, 1, 2, 2, 3, 4]
    assert training.load_weights(torch.nn.Linear(1, 1), tmp_path / "net.pt") == 5
    assert [path.name for path in tmp_path.iterdir()] == ["net.pt"]


def test_squares_are_means_over_areas_of_the_middle(load: Load, rng: Rng, tmp_path: Path) -> None:
    xrays = load("papers_xrays")
    image = rng.integers(0, 256, (512, 600), np.uint8)
    imagecodecs.imwrite(tmp_path / "xray.png", image)

    square = xrays.read_square(tmp_path / "xray.png")

    means = image[:, 44:556].reshape(256, 2, 256, 2).mean(axis=(1, 3))
    assert square.dtype == np.uint8
    assert abs(square - means).max() <= 0.5


@pytest.fixture
def xrays(rng: Rng, tmp_path: Path) -> Path:
    """Return a folder of smooth images with noise, of which one is held back."""
    folder = tmp_path / "xrays"
    folder.mkdir()
    for name in names(2, held_back=False) + names(1, held_back=True):
        smooth = np.kron(rng.integers(60, 180, (4, 4)), np.ones((16, 16)))
        noisy = smooth + rng.normal(0, 2, smooth.shape)
        imagecodecs.imwrite(folder / f"{name}.png", noisy.round().clip(0, 255).astype(np.uint8))
    return folder


def test_autoencoders_are_trained_and_lose_nothing(
    run: Run, load: Load, xrays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load("papers_xrays"), "SIDE", 64)
    work = tmp_path / "work"

    run("xray_autoencoders", xrays, "--work", work, "--steps", 2, CROP=32)
    text = run("xray_lossless", xrays, "--work", work, "--repeats", 1)

    sizes, parts = text.split("| weights |")
    (image,) = load("papers_xrays").read_squares(xrays, held_back=True)
    png = 8 * len(load("papers_difference").png(image)) / 64**2
    assert cells(sizes, "PNG")[:2] == [f"{png:.3f}", "+0.0 %"]
    chunk = NeuralImage(max_error=0).encode(image)
    assert cells(sizes, "ours")[0] == f"{8 * len(chunk) / 64**2:.3f}"
    for title, frame in (("CNN 1.0", 6), ("two-stage", 8)):
        of_latents, of_difference = map(float, cells(parts, title)[2:4])
        whole = of_latents + of_difference + 8 * frame / 64**2
        assert float(cells(sizes, title)[0]) == pytest.approx(whole, abs=0.002)


def test_images_that_are_all_on_one_side_are_refused(load: Load, xrays: Path) -> None:
    (xrays / f"{names(1, held_back=True)[0]}.png").unlink()

    with pytest.raises(SystemExit, match="held back by name is one of four"):
        load("papers_xrays").read_squares(xrays, held_back=True)


def test_channels_are_stacks_of_their_own(load: Load, rng: Rng, tmp_path: Path) -> None:
    voxels = rng.integers(0, 5000, (3, 2, 20, 24), np.uint16)
    path = tmp_path / f"{names(1, held_back=True)[0]}.tif"
    tifffile.imwrite(path, voxels, imagej=True, metadata={"axes": "ZCYX"})
    read = load("papers_stacks").stacks_of

    first, second = read([path], held_back=True)

    assert np.array_equal(first.voxels, voxels[:, 0])
    assert np.array_equal(second.voxels, voxels[:, 1])
    with pytest.raises(SystemExit, match="no stack is to train on"):
        read([path], held_back=False)


def test_the_network_in_three_dimensions_is_trained_and_measured(
    run: Run, rng: Rng, tmp_path: Path
) -> None:
    stacks = []
    for held_back in (False, True):
        plane = np.kron(rng.integers(0, 40, (3, 3)), np.ones((9, 9)))
        stacks.append(tmp_path / f"{names(1, held_back=held_back)[0]}.tif")
        noisy = (100 * plane + rng.normal(0, 9, (5, 27, 27))).round().clip(0, 65535)
        tifffile.imwrite(stacks[-1], noisy.astype(np.uint16), photometric="minisblack")
    arguments = (*stacks, "--work", tmp_path / "work", "--lmbda", 0.01, 0.1)

    run("factorized_3d_train", *arguments, "--steps", 2, CROP=(4, 16, 16))
    text = run("factorized_3d", *arguments, "--slices", 3, QUALITIES=(20, 60))

    size, *points = cells(text.split("bits of ours")[0], stacks[1].stem)
    assert size == "3x27x27"
    assert all(re.fullmatch(r"\d\.\d{3}, \d+\.\d, -?0\.\d{3}; .+", point) for point in points)
    assert len(points) == 2
    assert all(float(cell) > 0 for cell in cells(text, "network"))


def test_the_file_of_a_stack_says_what_it_is(load: Load, rng: Rng, tmp_path: Path) -> None:
    network, training = load("papers_factorized3d"), load("papers_training")
    path = network.weights_path(tmp_path, 0.1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        training.write({"net": network.Factorized3d().state_dict(), "steps": 7}, path)
    coder = network.StackCoder(tmp_path, 0.1)
    voxels = rng.integers(300, 900, (3, 17, 9), np.uint16)

    decoded = coder.decode(coder.encode(voxels))

    assert coder.steps == 7
    assert decoded.shape == voxels.shape
    assert decoded.dtype == voxels.dtype
    assert voxels.min() <= decoded.min() <= decoded.max() <= voxels.max()
