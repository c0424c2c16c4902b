"""Pictures without tiles, from PNG to JPEG XL, held in memory."""
