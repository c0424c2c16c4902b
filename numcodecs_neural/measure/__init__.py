"""Distortion of pixels, and items picked by hash: for the converter and for the evaluation."""
