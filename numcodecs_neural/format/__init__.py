"""The bitstream of one chunk; see SPEC.md."""
