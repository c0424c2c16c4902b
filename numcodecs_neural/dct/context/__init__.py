"""The learned context model that codes quantised coefficients of the transform."""
