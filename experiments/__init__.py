"""Recorded experiments: `python -m experiments --list` tells what they ask."""
