"""JPEG tiles of slides, read down to their quantised coefficients."""
