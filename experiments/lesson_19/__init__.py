"""Recorded experiments of lesson 19."""
