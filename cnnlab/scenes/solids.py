"""Solids: eight kinds of bodies in space, drawn on demand from distance functions.

The volumes of this room: the primitives of `shapes`, turned around an axis or joined.
Each body has a random size, position and attitude. One seed gives the same bits on
every machine, as in `shapes`.

Taught in notebooks/13_3d_cnns.ipynb.
Verdict: a stand-in that lets a lesson run anywhere. The kinds are far apart; real
organs and furniture are not.
"""

import numpy as np

from cnnlab.scenes.images import at_least
from cnnlab.scenes.painting import Dice, cover
from cnnlab.scenes.shapes import box, circle, taper, union

SIZES = (0.55, 0.8)  # half the length of a body, in half volumes
SHIFT = 0.15  # furthest that it is off the centre, along each axis
NUM_NUMBERS = 12  # random numbers that make one volume
AT_ONCE = 8  # volumes of a kind that are drawn together


# A body stands in [-1, 1]^3. `form` holds two numbers in [0, 1) that vary it.


def ball(x, y, z, form):
    return circle(circle(x, y, 0) / (0.8 + 0.2 * form[0]), z, 0.85)


def block(x, y, z, form):
    aside = box(x, y, 0.75, 0.45 + 0.25 * form[0])
    return np.maximum(aside, np.abs(z) - 0.35 - 0.25 * form[1])


def bowl(x, y, z, form):
    wall = np.abs(circle(circle(x, y, 0), z - 0.3, 0.85)) - 0.16
    return np.maximum(wall, z - 0.1 - 0.2 * form[0])


def cone(x, y, z, form):
    return taper(circle(x, y, 0), z, 0.55 + 0.3 * form[0], 0.05, 0.85)


def cross(x, y, z, form):
    width = 0.17 + 0.08 * form[0]
    return union(
        np.maximum(box(x, y, 0.9, width), np.abs(z) - width),
        np.maximum(box(x, y, width, 0.9), np.abs(z) - width),
        np.maximum(box(x, y, width, width), np.abs(z) - 0.9),
    )


def dumbbell(x, y, z, form):
    aside = circle(x, y, 0)
    weights = circle(aside, np.abs(z) - 0.58, 0.34 + 0.06 * form[0])
    return union(weights, box(aside, z, 0.13, 0.6))


def ring(x, y, z, form):
    return circle(circle(x, y, 0.65), z, 0.18 + 0.1 * form[0])


def rod(x, y, z, form):
    return box(circle(x, y, 0), z, 0.22 + 0.12 * form[0], 0.95)


BODIES = (ball, block, bowl, cone, cross, dumbbell, ring, rod)
CLASSES = tuple(body.__name__ for body in BODIES)


def rotate(x, y, z, quaternion):
    """Turns positions by a quaternion `(w, i, j, k)` of any length but 0."""
    w, i, j, k = quaternion
    scale = 2 / (w * w + i * i + j * j + k * k)
    return (
        x - scale * ((j * j + k * k) * x - (i * j - k * w) * y - (i * k + j * w) * z),
        y - scale * ((i * i + k * k) * y - (i * j + k * w) * x - (j * k - i * w) * z),
        z - scale * ((i * i + j * j) * z - (i * k - j * w) * x - (j * k + i * w) * y),
    )


def _draw(label, numbers, size):
    """Draws bodies of one kind: `(N, size, size, size)`."""
    dice = Dice(numbers)
    axis = (np.arange(size, dtype="float32") + 0.5) * (2 / size) - 1
    z, y, x = (each.reshape(1, -1) for each in np.meshgrid(axis, axis, axis))
    half = dice.between(*SIZES)
    x, y, z = ((each - dice.between(-SHIFT, SHIFT)) / half for each in (x, y, z))
    attitude = [dice.between(-1, 1) for _ in range(4)]
    attitude[0] = attitude[0] + 2 * (attitude[0] >= 0) - 1  # never all zero
    distance = BODIES[label](*rotate(x, y, z, attitude), dice.take(2))
    return cover(distance * half, size / 2).reshape(-1, size, size, size)


def render(num_volumes, seed=0, size=28):
    """Draws volumes with one body each.

    Every eight volumes in succession show each kind once, in random order. Volume `i`
    depends on the seed and on `i` alone.

    Args:
        num_volumes: Number of volumes, at least 1.
        seed: A non-negative integer, or a tuple of them.
        size: Depth, height and width in voxels, at least 8.

    Returns:
        `(volumes, labels)`: how full each voxel is, float32 in [0, 1], shape
        `(N, size, size, size, 1)`; labels int64, indices into `CLASSES`.

    Raises:
        ValueError: If `num_volumes` or `size` is too small.
    """
    at_least("num_volumes", num_volumes, 1)
    at_least("size", size, 8)
    kinds = len(CLASSES)
    num_rounds = -(-num_volumes // kinds)
    generator = np.random.Generator(np.random.PCG64(seed))
    numbers = generator.random((num_rounds, kinds, NUM_NUMBERS), "float32")
    labels = numbers[:, :, 0].argsort(axis=1, kind="stable").reshape(-1)
    numbers = numbers.reshape(-1, NUM_NUMBERS)[:, 1:]
    volumes = np.empty((len(labels), size, size, size, 1), "float32")
    for label in range(kinds):
        rows = np.flatnonzero(labels == label)
        for first in range(0, len(rows), AT_ONCE):
            chosen = rows[first : first + AT_ONCE]
            volumes[chosen, ..., 0] = _draw(label, numbers[chosen], size)
    return volumes[:num_volumes], labels[:num_volumes].astype("int64")
