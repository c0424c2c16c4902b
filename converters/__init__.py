"""Whole-slide converters. Installed, and only ever imported, as `numcodecs_neural.converters`."""

if __name__ == "converters":
    raise ImportError("import numcodecs_neural.converters instead (after `pip install -e .`)")
