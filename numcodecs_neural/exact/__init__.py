"""Exact coding: each sample is predicted from those before it, and the difference is coded."""
