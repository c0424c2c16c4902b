"""The conformance vectors are whole, and come out as the index says, in both decoders."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import make_vectors
from numcodecs_neural import NeuralImage
from numcodecs_neural.errors import (
    BitstreamError,
    ChecksumError,
    NeuralCodecError,
    TruncatedChunkError,
    UnsupportedVersionError,
    WeightsError,
)
from reference_decoder import VECTORS, main
from tests.annotations import ReadFiles

INDEX = json.loads((VECTORS / "vectors.json").read_text(encoding="utf-8"))
ACCEPTED = [pytest.param(entry, id=entry["name"]) for entry in INDEX["accepted"]]
REFUSED = [pytest.param(entry, id=entry["name"]) for entry in INDEX["refused"]]
ERRORS = {
    "checksum": ChecksumError,
    "invalid": BitstreamError,
    "truncated": TruncatedChunkError,
    "version": UnsupportedVersionError,
    "weights": WeightsError,
}


def test_the_index_lists_every_file(files_of: ReadFiles) -> None:
    entries = INDEX["accepted"] + INDEX["refused"]
    listed = [entry[key] for entry in entries for key in ("chunk", "pixels") if key in entry]

    assert sorted([*listed, "vectors.json"]) == sorted(files_of(VECTORS))
    assert len({entry["name"] for entry in entries}) == len(entries)


def test_the_script_makes_the_files_that_are_here(tmp_path: Path, files_of: ReadFiles) -> None:
    make_vectors.write(tmp_path)

    assert files_of(tmp_path) == files_of(VECTORS)


def test_every_mode_dtype_layout_and_kind_is_there() -> None:
    keys = ("mode", "dtype", "order", "channel_axis", "model")
    seen = {key: {entry[key] for entry in INDEX["accepted"]} for key in keys}

    assert seen["mode"] == {"constant", "exact", "jpeg", "lossy", "stored"}
    assert seen["dtype"] == {"|u1", "<u2", ">u2", "<i2", ">i2"}
    assert seen["order"] == {"C", "F"}
    assert seen["channel_axis"] == {None, -1, -3, -4}
    assert seen["model"] == {None, *INDEX["weights"]}
    assert {e["kind"] for e in INDEX["refused"]} == set(ERRORS)


@pytest.mark.parametrize("entry", ACCEPTED)
def test_the_package_decodes_the_expected_pixels(entry: dict[str, Any]) -> None:
    chunk = (VECTORS / entry["chunk"]).read_bytes()

    pixels = NeuralImage().decode(chunk)

    expected = np.load(VECTORS / entry["pixels"])
    np.testing.assert_array_equal(pixels, expected, strict=True)
    assert pixels.flags.f_contiguous == expected.flags.f_contiguous
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == entry["pixels_sha256"]


@pytest.mark.parametrize("entry", REFUSED)
def test_the_package_refuses_with_the_error_of_the_kind(entry: dict[str, Any]) -> None:
    with pytest.raises(NeuralCodecError) as caught:
        NeuralImage().decode((VECTORS / entry["chunk"]).read_bytes())

    assert caught.type is ERRORS[entry["kind"]]


def test_the_reference_decoder_passes_its_own_check(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--check"])

    *lines, summary = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("OK ")] == []
    assert summary == f"{len(lines)} of {len(ACCEPTED) + len(REFUSED)} vectors are as expected"
    assert code == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"chunk": "accepted/one-axis.chunk"}, "was changed", id="another chunk"),
        pytest.param({"pixels": "accepted/one-axis.npy"}, "not <u2 (5,)", id="another shape"),
        pytest.param({"pixels_sha256": "0" * 64}, "of 768 samples differ", id="other pixels"),
        pytest.param({"parts": ["0" * 64] * 6}, "part 0 of the symbol", id="other symbols"),
        pytest.param({"kind": "invalid"}, "must be refused (invalid)", id="to be refused"),
    ],
)
def test_the_check_fails_where_a_vector_differs(
    changes: dict[str, Any], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(VECTORS / "accepted", tmp_path / "accepted")
    entry = next(e for e in INDEX["accepted"] if e["name"] == "spec-lossy") | changes
    (tmp_path / "vectors.json").write_text(json.dumps({"accepted": [entry], "refused": []}))

    assert main(["--check", str(tmp_path)]) == 1

    line, summary = capsys.readouterr().out.splitlines()
    assert line.startswith("FAIL  spec-lossy: ")
    assert says in line
    assert summary == "0 of 1 vectors are as expected"


def test_the_check_fails_where_the_kind_of_a_refusal_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = INDEX["refused"][0] | {"kind": "version", "chunk": "empty.chunk"}
    (tmp_path / "empty.chunk").write_bytes(b"")
    (tmp_path / "vectors.json").write_text(json.dumps({"accepted": [], "refused": [entry]}))

    assert main(["--check", str(tmp_path)]) == 1

    assert "FAIL  empty: refused (truncated)" in capsys.readouterr().out
