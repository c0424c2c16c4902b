"""Integers of a pyramid: levels, chunks, regions, axes, and reduction by area average."""
