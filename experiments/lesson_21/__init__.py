"""Recorded experiments of lesson 21."""
