"""Colour axes and DCT in integers: between pixels and coefficients of blocks.

Modules that encode are called ``enc_*``; nothing else imports them.
"""
