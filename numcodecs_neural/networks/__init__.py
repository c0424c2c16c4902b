"""Integer networks: a list of layers with arrays, a proof of their bounds, and backends.

Decoding (``dec_*``, and modules without a prefix) is frozen. Encoding (``enc_*``) may change with
every release.
"""
