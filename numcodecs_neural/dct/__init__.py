"""The transform "colour + DCT": a chunk's own colour axes, and a cosine transform in integers."""
