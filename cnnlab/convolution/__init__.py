"""Convolution, pooling and activations by hand, in NumPy alone."""
