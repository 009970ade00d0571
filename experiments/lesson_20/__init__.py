"""Recorded experiments of lesson 20."""
