"""Recorded experiments of lesson 13."""
