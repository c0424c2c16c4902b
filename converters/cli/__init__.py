"""The program convert-to-omezarr: its arguments, tables and progress bars."""

from .main import main

__all__ = ["main"]
