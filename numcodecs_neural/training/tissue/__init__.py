"""Training of the small network that finds tissue: slides painted with known masks, and the fit."""
