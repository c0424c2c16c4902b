"""Regions of a slide that are to be exact: from files that pathologists' tools write to chunks."""
