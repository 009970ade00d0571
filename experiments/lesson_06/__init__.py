"""Recorded experiments of lesson 06."""
