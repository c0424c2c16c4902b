"""Make CompressAI importable where torch is built for the CPU and torchvision is not.

torchvision's Python code declares what its compiled operators return, and fails where they could
not be loaded. Their schemas are all it needs: CompressAI uses none of them.

python tests/compressai/operators.py SCRIPT [ARGUMENTS]     runs a script with them declared
"""

import importlib
import runpy
import sys
import warnings

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def declare() -> object:
    """Declare the operators, unless torchvision has them or is not installed.

    They are declared as long as what is returned is kept.
    """
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module("torchvision")
        except ImportError:
            return None
        except RuntimeError:
            library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
            for schema in SCHEMAS:
                library.define(schema)  # type: ignore[no-untyped-call]
            return library
    return None


if __name__ == "__main__":
    kept = declare()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
