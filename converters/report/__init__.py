"""HTML report of a batch: numbers, settings and pictures of each slide in one file."""

from .page import write_page

__all__ = ["write_page"]
