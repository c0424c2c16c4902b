"""MS-SSIM and LPIPS, by way of torch. Nothing is ever downloaded.

LPIPS is the distance of features of AlexNet, weighed by the `lpips` package. The package brings
those weights and not AlexNet's own: they are taken from where torchvision keeps them, if they are
there.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from numcodecs_neural.evaluation.kinds import Pixels

__all__ = ["MS_SSIM_PX", "lpips_distance", "ms_ssim", "why_no_lpips", "why_no_ms_ssim"]

# Five scales, and a window of 11 at the coarsest.
MS_SSIM_PX = 161
LPIPS_PX = 64
# The name under which torchvision stores AlexNet in torch's folder of downloads.
ALEXNET = "alexnet-owt-7be5be79.pth"


def why_no_ms_ssim() -> str | None:
    """Return what is missing to measure MS-SSIM, or None."""
    try:
        import pytorch_msssim  # noqa: F401
    except ImportError:
        return "pytorch-msssim is not installed: pip install 'numcodecs-neural[evaluate]'"
    return None


def ms_ssim(image: Pixels, decoded: Pixels, data_range: float = 255.0) -> float:
    """Return the multi-scale structural similarity (Wang et al. 2003), the mean over channels.

    Parameters
    ----------
    image, decoded : ndarray
        (H, W, C).
    data_range : float

    Returns
    -------
    float
        NaN where a side is 160 pixels or less, which five scales do not fit into.
    """
    import pytorch_msssim
    import torch

    if min(image.shape[:2]) < MS_SSIM_PX:
        return float("nan")
    # In single precision, the variance of 16-bit samples drowns in the square of their mean.
    planes = (
        torch.from_numpy(pixels.transpose(2, 0, 1)[np.newaxis].astype(np.float64))
        for pixels in (image, decoded)
    )
    with torch.inference_mode():
        return float(pytorch_msssim.ms_ssim(*planes, data_range=data_range))


def why_no_lpips() -> str | None:
    """Return what is missing to measure LPIPS, or None."""
    network = _network()
    return network if isinstance(network, str) else None


def lpips_distance(image: Pixels, decoded: Pixels, data_range: float = 255.0) -> float:
    """Return the LPIPS distance (Zhang et al. 2018, version 0.1, AlexNet) of 8-bit RGB.

    Returns
    -------
    float
        NaN for other kinds of images, and for sides of less than 64 pixels.
    """
    import torch

    network = _network()
    fits = image.shape[2] == 3 and data_range == 255 and min(image.shape[:2]) >= LPIPS_PX
    if isinstance(network, str) or not fits:
        return float("nan")
    # From -1 to 1, as the network was trained.
    planes = (
        torch.from_numpy(pixels.transpose(2, 0, 1)[np.newaxis].astype(np.float32)) / 127.5 - 1
        for pixels in (image, decoded)
    )
    with torch.inference_mode():
        return float(network(*planes))


@functools.cache
def _network() -> Any:
    """Return the network, or a sentence that says what is missing."""
    path = _alexnet_path()
    if path is None or not path.is_file():
        return (
            "the weights of AlexNet are not on this machine, and nothing is downloaded: "
            f"put torchvision's {ALEXNET} into {path.parent if path else 'the folder of torch.hub'}"
        )
    try:
        import lpips
    except ImportError:
        return "the lpips package, or torchvision under it, is not installed: pip install lpips"
    # A torchvision that was built for another torch fails with what its operators raise.
    except (RuntimeError, AttributeError, OSError) as exc:
        return f"torchvision does not work with this torch: {_first_line(exc)}"
    return _load(lpips, path)


def _alexnet_path() -> Path | None:
    try:
        import torch.hub
    except ImportError:
        return None
    return Path(torch.hub.get_dir()) / "checkpoints" / ALEXNET


def _load(lpips: Any, path: Path) -> Any:
    """Return LPIPS with AlexNet read from `path`, which lpips itself would rather download."""
    import torch

    try:
        network = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
        state = torch.load(path, map_location="cpu", weights_only=True)
        for name, parameter in network.net.state_dict().items():
            _, number, field = name.split(".")
            parameter.copy_(state[f"features.{number}.{field}"])
    # A damaged or foreign file: as good as none.
    except Exception as exc:
        return f"{path} does not hold the weights of AlexNet: {_first_line(exc)}"
    return network.eval()


def _first_line(exc: Exception) -> str:
    return (str(exc).strip() or type(exc).__name__).splitlines()[0]
