"""DICOM slides, one file or several a level, read with wsidicom."""
