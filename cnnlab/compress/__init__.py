"""Compression in Keras: networks that are trained to stay good when they get small."""
