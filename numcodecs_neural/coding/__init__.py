"""One chunk: its modes, the choice between them, and its way to bytes and back.

Decoding (``dec_*``, and modules without a prefix) is frozen. Encoding (``enc_*``) may change with
every release.
"""
