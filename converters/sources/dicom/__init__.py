"""DICOM slides, one file or several a level, read with wsidicom."""

from .source import DicomSource, open_source

__all__ = ["DicomSource", "open_source"]
