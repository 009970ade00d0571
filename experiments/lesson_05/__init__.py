"""Recorded experiments of lesson 05."""
