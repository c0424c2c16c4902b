"""Entropy coding of quantised JPEG coefficients.

Every coder has one interface: ``encode(coefficients, layout)`` returns bytes, and ``decode(data,
layout)`` the coefficients. Decoding (``dec_*``, and modules without a prefix) is frozen. Encoding
(``enc_*``) may change with every release.
"""
