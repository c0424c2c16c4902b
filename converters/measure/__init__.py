"""Distortion on tissue, and the chunks on which it is measured."""
