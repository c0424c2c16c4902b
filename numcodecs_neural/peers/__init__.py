"""Codecs of images that others wrote, by way of imagecodecs."""
