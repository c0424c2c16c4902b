"""Rate and distortion, measured against other codecs."""
