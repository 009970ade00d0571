"""Data sets, one a file: arrays out, and a record of what they are."""
