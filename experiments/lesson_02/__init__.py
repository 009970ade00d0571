"""Recorded experiments of lesson 02."""
