"""One chunk: its modes, the choice between them, and its way to bytes and back."""
