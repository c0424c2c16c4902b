"""The modes of one chunk, and the choice between them."""
