"""CRC-32C, the checksum at the end of every chunk (see SPEC.md, section 3)."""

import google_crc32c

__all__ = ["crc32c"]


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of `data`, 0 to 2**32 - 1.

    Examples
    --------
    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    return int(google_crc32c.value(data))
