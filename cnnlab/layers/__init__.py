"""Building blocks, one idea a file: feature map in, feature map out."""
