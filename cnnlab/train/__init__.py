"""Training: model and data in, history out."""
