"""Scenes: a small world drawn on demand, so that there is always something to see.

Ten kinds of objects (`shapes`) stand before nine kinds of `backgrounds` with random
colour, texture, pose, light, clutter and occlusion. As in photographs, an object's
colours and background go with its class to a degree. One seed gives the same bits on
every machine: only correctly rounded operations touch a pixel, never a sine or a sum.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Verdict: far less varied than photographs; how hard it is, for a linear classifier and
for the modern CNN, stands in data/records/scenes_difficulty.jsonl and in
modern_cnn_ablation_scenes.json beside it.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from cnnlab.scenes.backgrounds import BACKGROUNDS, draw_background, draw_thing
from cnnlab.scenes.objects import CLASSES, HABITS, draw_object, draw_pose, turn
from cnnlab.scenes.painting import Dice

# How hard the world is, with the numbers of `objects`. Lengths are in half images.
BACKGROUND_OF_CLASS = 0.2  # probability that a background is certainly its class's
CLUTTER = 0.4  # probability of each of two things behind the object
OCCLUSION = 0.15  # probability of a thing before the object
OCCLUDERS = (0.2, 0.45)  # half the width of that thing
BRIGHTNESS = (0.8, 1.12)  # factor on the picture

NUM_NUMBERS = 184  # random numbers that make one image
GROUP_PIXELS = 1 << 15  # drawn together for each class: the fields stay in the cache


class Scenes(NamedTuple):
    """What `render` returns.

    Attributes:
        images: Shape `(N, size, size, 3)`, float32 in [0, 1].
        labels: Index into `CLASSES`, shape `(N,)`.
        boxes: `(x_min, y_min, x_max, y_max)` of the visible object in pixels, shape
            `(N, 4)`; `x_max` and `y_max` are the first column and row past it.
        masks: Whether a pixel shows the object, shape `(N, size, size)`.
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray


def choose_backgrounds(label, dice):
    usual = [BACKGROUNDS.index(name) for name in HABITS[CLASSES[label]][0].split()]
    of_class = dice.happens(BACKGROUND_OF_CLASS)[:, 0] > 0
    usual, other = np.array(usual)[dice.index(len(usual))], dice.index(len(BACKGROUNDS))
    return np.where(of_class, usual, other)


def draw_group(label, dice, size):
    """Draws scenes of one class.

    Returns:
        Planes `(3, images, pixels)` in [0, 1], and where the object is visible.
    """
    axis = (np.arange(size, dtype="float32") + 0.5) * (2 / size) - 1
    x, y = np.tile(axis, size)[None], np.repeat(-axis, size)[None]  # (1, pixels)
    picture = draw_background(x, y, choose_backgrounds(label, dice), dice, size)
    for _ in range(2):
        right, up = dice.between(-1, 1), dice.between(-0.9, 0)
        draw_thing(picture, x - right, y - up, dice, size, CLUTTER)
    light = turn(0, 1, dice.between(-1, 1))  # from the left, above or the right
    amount = draw_object(picture, x, y, label, draw_pose(dice), dice, light, size)
    right, up = dice.between(-0.8, 0.8), dice.between(-0.9, 0)
    hidden = draw_thing(picture, x - right, y - up, dice, size, OCCLUSION, OCCLUDERS)
    picture *= dice.between(*BRIGHTNESS) + 0.08 * (x * light[0] + y * light[1])
    return np.clip(picture, 0, 1, out=picture), amount * (1 - hidden) > 0.5


def find_boxes(masks):
    """Tightest boxes around masks `(N, height, width)`: shape `(N, 4)`."""
    edges = []
    for axis in (1, 2):
        seen = masks.any(axis)
        edges += [seen.argmax(1), seen.shape[1] - seen[:, ::-1].argmax(1)]
    return np.stack([edges[0], edges[2], edges[1], edges[3]], axis=1)


def render(num_images, seed=0, size=32):
    """Draws images of single objects with their labels, boxes and masks.

    Every ten images in succession show each class once, in random order. Image `i`
    depends on the seed and on `i` alone, and is the same scene at any size.

    Args:
        num_images: Number of images, at least 1.
        seed: A non-negative integer, or a tuple of them.
        size: Height and width in pixels, at least 8.

    Returns:
        A `Scenes` tuple.

    Raises:
        ValueError: If `num_images` or `size` is too small.
    """
    at_least("num_images", num_images, 1)
    at_least("size", size, 8, " pixels")
    num_rounds = -(-num_images // len(CLASSES))
    scenes = _allocate(num_rounds * len(CLASSES), size)
    generator = np.random.Generator(np.random.PCG64(seed))
    at_once = max(1, GROUP_PIXELS // size**2)
    for first in range(0, num_rounds, at_once):
        last = min(first + at_once, num_rounds)
        rows = slice(first * len(CLASSES), last * len(CLASSES))
        numbers = generator.random((last - first, len(CLASSES), NUM_NUMBERS), "float32")
        _draw_rounds(numbers, Scenes(*(field[rows] for field in scenes)), size)
    scenes.boxes[:] = find_boxes(scenes.masks)
    return Scenes(*(field[:num_images] for field in scenes))


def at_least(name, value, least, unit=""):
    """Returns a number, or raises `ValueError` if it is too small."""
    if value < least:
        raise ValueError(f"`{name}` must be at least {least}{unit}. Received: {value}")
    return value


def _allocate(num_images, size):
    return Scenes(
        images=np.empty((num_images, size, size, 3), "float32"),
        labels=np.empty(num_images, "int64"),
        boxes=np.empty((num_images, 4), "int64"),
        masks=np.empty((num_images, size, size), bool),
    )


def _draw_rounds(numbers, scenes, size):
    """Draws rounds of ten images, `numbers` (rounds, 10, columns), class by class."""
    order = numbers[:, :, 0].argsort(axis=1, kind="stable")
    for label in range(len(CLASSES)):
        rows = np.arange(len(order)) * len(CLASSES) + order[:, label]
        dice = Dice(numbers.reshape(-1, NUM_NUMBERS)[rows, 1:])
        picture, visible = draw_group(label, dice, size)
        planes = picture.reshape(3, -1, size, size)
        scenes.images[rows] = planes.transpose(1, 2, 3, 0)
        scenes.masks[rows] = visible.reshape(-1, size, size)
        scenes.labels[rows] = label


def fingerprint(*parts):
    """SHA-256 of images, clips or volumes, rounded to bytes, and their labels."""
    digest = hashlib.sha256()
    for images, labels, *_ in parts:
        digest.update(np.floor(images * 255 + 0.5).astype("uint8"))
        digest.update(labels.astype("uint8"))
    return digest.hexdigest()
