"""Recorded experiments of lesson 01."""
