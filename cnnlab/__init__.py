"""Convolutional networks, lesson by lesson: the rooms that the notebooks teach."""
