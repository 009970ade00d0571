"""Recorded experiments of lesson 09."""
