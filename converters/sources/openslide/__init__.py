"""Slides that OpenSlide alone reads here, such as MIRAX, Hamamatsu VMS and Sakura."""

from .source import OpenSlideSource, open_source

__all__ = ["OpenSlideSource", "open_source"]
