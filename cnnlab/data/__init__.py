"""Data sets, one a file: arrays out, and a `DataInfo` that says what they are."""
