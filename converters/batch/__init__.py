"""Many slides: which ones, where each store goes, and one conversion after the other."""
