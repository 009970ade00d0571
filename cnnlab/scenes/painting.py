"""Painting: colours, random numbers, waves and smooth noise, laid over a picture.

Only correctly rounded operations touch a pixel, as in `shapes`.
"""

import numpy as np

from cnnlab.scenes.shapes import mix


def colours(text):
    """Reads `"f2b134 ..."` as red, green and blue in [0, 1]: (colours, 3)."""
    values = [[int(word[i : i + 2], 16) for i in (0, 2, 4)] for word in text.split()]
    return np.array(values, "float32") / 255


class Dice:
    """Hands out the random numbers of a group of images, a column at a time.

    Args:
        numbers: In [0, 1), shape `(images, columns)`.
    """

    def __init__(self, numbers):
        self._columns = np.ascontiguousarray(numbers.T)[:, :, None]
        self._next = 0

    def take(self, count):
        """Returns the next columns, shape `(count, images, 1)`."""
        self._next += count
        if self._next > len(self._columns):
            raise ValueError(
                "An image may use no more numbers than it was given. "
                f"Received: {self._next} of {len(self._columns)}"
            )
        return self._columns[self._next - count : self._next]

    def between(self, low, high):
        return low + (high - low) * self.take(1)[0]  # (images, 1)

    def happens(self, probability):
        return (self.take(1)[0] < probability).astype("float32")  # (images, 1)

    def index(self, count):
        return np.floor(self.take(1)[0, :, 0] * count).astype("int64")  # (images,)

    def pick(self, choices):
        return choices[self.index(len(choices))].T[:, :, None]  # (3, images, 1)


def smooth(t):
    return t * t * (3 - 2 * t)


def wave(t):
    """A triangle wave of period 1 in [-1, 1]."""
    return 4 * np.abs(t - np.floor(t) - 0.5) - 1


def cover(distance, pixels_per_unit):
    """Part of each pixel inside a shape, whose edge is one pixel wide."""
    return np.clip(0.5 - distance * pixels_per_unit, 0, 1)


def paint(picture, amount, colour):
    """Lays colour over a picture in place, where and as much as `amount` says."""
    picture += amount * (colour - picture)


def grain(dice, rows, columns, size):
    """Smooth noise in [0, 1) from a lattice of random numbers: (images, pixels)."""
    lattice = dice.take(rows * columns)[:, :, 0].T.reshape(-1, rows, columns)
    for axis in (2, 1):
        last = lattice.shape[axis] - 1
        position = (np.arange(size) + 0.5) * (last / size)
        low = np.floor(position).astype("int64")
        weight = smooth(position - low).astype("float32")
        weight = weight[:, None] if axis == 1 else weight
        high = np.minimum(low + 1, last)
        lattice = mix(lattice.take(low, axis), lattice.take(high, axis), weight)
    return lattice.reshape(len(lattice), -1)
