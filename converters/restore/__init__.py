"""From stores back to slides: TIFF and JPEG files with the JPEG coefficients of the source."""
