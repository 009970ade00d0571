"""Recorded experiments of lesson 15."""
