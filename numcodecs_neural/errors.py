"""Every error this package raises on purpose, under one root.

Each class also inherits the builtin that callers of numcodecs and zarr already catch.
"""

__all__ = [
    "BitstreamError",
    "ChecksumError",
    "ConfigError",
    "DtypeError",
    "JpegError",
    "MissingDependencyError",
    "NeuralCodecError",
    "NumericsError",
    "SourceError",
    "TruncatedChunkError",
    "TruncatedJpegError",
    "UnsupportedJpegError",
    "UnsupportedVersionError",
    "WeightsError",
]


class NeuralCodecError(Exception):
    """Root of all errors of this package."""


class ConfigError(NeuralCodecError, ValueError):
    """A parameter has a value that cannot be used; the text names it and what is allowed."""


class DtypeError(ConfigError, TypeError):
    """Samples have a type that cannot be coded."""


class WeightsError(NeuralCodecError, LookupError):
    """Weights are unknown, absent, damaged, or not the ones that are asked for."""


class MissingDependencyError(NeuralCodecError, ImportError):
    """A library that an optional part needs is not installed, or cannot be imported."""


class BitstreamError(NeuralCodecError, ValueError):
    """Bytes are not a chunk that can be decoded."""


class TruncatedChunkError(BitstreamError):
    """A chunk ends before all that it announces."""


class ChecksumError(BitstreamError):
    """A chunk's checksum is not that of its bytes: it was damaged after it was written."""


class UnsupportedVersionError(BitstreamError):
    """A chunk uses a format version or mode that this release does not read."""


class NumericsError(NeuralCodecError, RuntimeError):
    """This machine computed other numbers than the one that wrote the chunk."""


class SourceError(NeuralCodecError, OSError):
    """A slide cannot be read."""


class JpegError(NeuralCodecError, ValueError):
    """Bytes are not a JPEG stream that keeps to its standard; the text says what and where."""


class TruncatedJpegError(JpegError):
    """A JPEG stream ends before all that it announces."""


class UnsupportedJpegError(JpegError):
    """A JPEG stream is of a kind whose coefficients, or exact pixels, are not read."""
