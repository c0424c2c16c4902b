"""Finished stores: what is in them, whether it is whole, and the ways out of them."""
