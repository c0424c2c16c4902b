"""Return of freed memory to the system."""

import ctypes
import sys

__all__ = ["give_back_memory"]


def give_back_memory() -> None:
    """Let the C library return what Python has freed; where it cannot, nothing happens.

    glibc keeps the memory of a large picture for the next one of its thread. The search for tissue
    takes 100 MB and more in the main thread, once, and would keep it while the workers write.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
