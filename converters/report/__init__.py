"""The report as a page: what became of each slide, to look at and to keep."""

from .page import write_page

__all__ = ["write_page"]
