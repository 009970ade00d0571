"""The TFLite laboratory: a Keras model in; a small one, and proof of its worth, out."""
