"""Explorers that answer while you turn the knobs, one a file; a picture elsewhere."""
