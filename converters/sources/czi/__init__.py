"""Images of Zeiss's CZI files, scene by scene and tile by tile, found with czifile."""
