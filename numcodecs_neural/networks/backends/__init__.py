"""Where networks run: one protocol, in numpy with or without numba, and in torch."""
