"""The program convert-to-omezarr: argv to options, and results to the screen."""

from .main import main

__all__ = ["main"]
