"""Without CompressAI, everything but coding works, and the error says what to do."""

import pytest

from tests.annotations import FreshPython

CODING = """
import sys
{break_it}
import numpy as np
from numcodecs_neural.compressai import CompressAIImage, import_checkpoint
from numcodecs_neural.compressai.architectures import parse_architecture
from numcodecs_neural.compressai.chunks import Chunk, pack
from numcodecs_neural.errors import MissingDependencyError
from numcodecs_neural.format import ChunkHeader, Mode
codec = CompressAIImage(weights="0f" * 32)
header = ChunkHeader(
    mode=Mode.LOSSY, dtype=np.dtype("u1"), shape=(3, 64, 64), box=(64, 64), channel_axis=-3,
    weights_id=b"12345678",
)
arch = parse_architecture(codec.arch)
chunk = pack(Chunk(arch=arch, header=header, symbols_crc=0, streams=(b"", b"")))
attempts = [
    lambda: codec.encode(np.zeros((3, 64, 64), np.uint8)),
    lambda: codec.decode(chunk),
    lambda: import_checkpoint("c.pth", "mbt2018"),
]
for attempt in attempts:
    try:
        attempt()
    except MissingDependencyError as error:
        print(error)
"""


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        pytest.param(
            "sys.modules['compressai'] = None",
            "pip install 'numcodecs-neural[compressai]'",
            id="not installed",
        ),
        pytest.param(
            "open('compressai.py', 'w').write('raise RuntimeError(\"operator torchvision::nms "
            "does not exist\")'); sys.path.insert(0, '.')",
            "the installed torchvision was built for another torch",
            id="torchvision without operators",
        ),
        pytest.param(
            "open('compressai.py', 'w').write('import einops_is_missing'); sys.path.insert(0, '.')",
            "'einops_is_missing' is not installed",
            id="a dependency is absent",
        ),
    ],
)
def test_the_error_says_what_is_wrong_and_what_to_install(
    break_it: str, says: str, fresh_python: FreshPython
) -> None:
    lines = fresh_python(CODING.format(break_it=break_it)).splitlines()

    assert len(lines) == 3
    assert all(says in line for line in lines)


def test_an_array_is_created_and_described_without_it(fresh_python: FreshPython) -> None:
    code = (
        "import sys; sys.modules['compressai'] = None\n"
        "import zarr\n"
        "from numcodecs_neural.compressai import CompressAIImageCodec\n"
        "codec = CompressAIImageCodec('mbt2018', weights='0f' * 32)\n"
        "options = {'shape': (3, 64, 64), 'chunks': (3, 64, 64), 'dtype': 'uint8'}\n"
        "array = zarr.create_array({}, **options, serializer=codec, compressors=None)\n"
        "print(array.serializer.arch, 'torch' in sys.modules)"
    )

    assert fresh_python(code) == "mbt2018 False"


def test_our_own_codec_does_not_need_it(fresh_python: FreshPython) -> None:
    code = (
        "import sys; sys.modules['compressai'] = None\n"
        "import numpy as np, numcodecs_neural\n"
        "codec = numcodecs_neural.NeuralImage()\n"
        "image = np.arange(3 * 64 * 64, dtype=np.uint32).reshape(3, 64, 64).astype(np.uint8)\n"
        "print(codec.decode(codec.encode(image)).shape)"
    )

    assert fresh_python(code) == "(3, 64, 64)"
