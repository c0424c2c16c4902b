"""Trains the tissue network on synthetic slides with known masks."""
