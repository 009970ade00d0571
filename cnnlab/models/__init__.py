"""Networks, one family a file: sizes in, `keras.Model` out."""
