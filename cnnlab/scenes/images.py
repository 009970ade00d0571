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

from cnnlab.scenes.backgrounds import (
    BACKGROUNDS,
    Dice,
    colours,
    cover,
    draw_background,
    draw_thing,
    paint,
    smooth,
    wave,
)
from cnnlab.scenes.shapes import OBJECTS, mix, union

# How hard the world is. Lengths are in half images.
BACKGROUND_OF_CLASS = 0.2  # probability that a background is certainly its class's
TYPICAL = 0.3  # probability that a part certainly has a colour of its class
SCALES = (0.55, 0.85)  # half the width of an object
SHIFT = 0.25  # furthest that it is off the centre, either way
TILT = 0.65  # tangent of half the largest angle, either way
SQUEEZE = 0.15  # how much it is higher or lower than it is wide
CLUTTER = 0.4  # probability of each of two things behind the object
OCCLUSION = 0.15  # probability of a thing before the object
OCCLUDERS = (0.2, 0.45)  # half the width of that thing
BRIGHTNESS = (0.8, 1.12)  # factor on the picture
CONTRAST = 0.1  # of the patterns on objects

CLASSES = tuple(shape.__name__ for shape in OBJECTS)
PAINTS = {
    "ink": colours("2b2d42"),
    "cream": colours("fdf6e3"),
    "gold": colours("f2b134"),
    "wood": colours("7f5539"),
    "leaf": colours("4f8a4b"),
    "glass": colours("bfe3f2"),
    "silver": colours("c9d1d9"),
}
PALETTE = colours(
    "e76f51 f4a261 e9c46a 8ab17d 2a9d8f 287271 457b9d 5fa8d3 "
    "7b6fb0 b388c9 e5989b d1495b b56576 9c6644 6d7a8c f1ede4"
)
# Class: its usual backgrounds, main colours and second colours.
HABITS = {
    "bird": ("sky sky forest meadow", "d1495b 457b9d 8c5e3c f2c14e", "6b4f3a f1ede4"),
    "car": ("street street meadow", "d62839 2b6cb0 f2b134 e8ecef", "e8ecef"),
    "cup": ("room room beach", "f1ede4 e76f51 2a9d8f 5fa8d3", "457b9d f4a261 f1ede4"),
    "fish": ("deep deep sea", "f4772e f2b134 5bc0be b388c9", "f1ede4 2f4858 d1495b"),
    "flower": ("meadow room forest", "ef5d8f f7d046 f1ede4 9d6bce", "f2b134 7f5539"),
    "house": ("street meadow winter", "f1e3c6 e9a178 d9c5b2", "b5483a 6d4c41 4a5a6a"),
    "mushroom": ("forest forest meadow", "c8372d b5651d e07a3f", "fdf6e3"),
    "sailboat": ("sea sea beach", "d1495b f4a261 f1ede4 457b9d", "2f4858 b5483a"),
    "tree": ("meadow winter forest", "4f8a4b 7aa95c 2d6a4f d08c3f", "4f8a4b"),
    "umbrella": ("beach street", "d62839 2a9d8f f2b134 7b6fb0", "f1ede4 f7d046 457b9d"),
}
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


class Pose(NamedTuple):
    """Where an object is, in half images; each field has shape `(images, 1)`."""

    right: np.ndarray
    up: np.ndarray
    tangent: np.ndarray  # of half the angle
    flip: np.ndarray  # 1 or -1
    width: np.ndarray
    height: np.ndarray

    def localize(self, x, y):
        """Turns positions in the image into the object's own coordinates."""
        x, y = turn(x - self.right, y - self.up, self.tangent)
        return x * (self.flip / self.width), y / self.height


def turn(x, y, tangent):
    """Rotates by the angle whose half has this tangent, which needs no sine."""
    scale = 1 / (1 + tangent * tangent)
    cosine, sine = (1 - tangent * tangent) * scale, 2 * tangent * scale
    return cosine * x + sine * y, cosine * y - sine * x


def draw_pose(dice):
    width = dice.between(*SCALES)
    return Pose(
        right=dice.between(-SHIFT, SHIFT),
        up=dice.between(-SHIFT, SHIFT),
        tangent=dice.between(-TILT, TILT),
        flip=1 - 2 * dice.happens(0.5),
        width=width,
        height=width * dice.between(1 - SQUEEZE, 1 + SQUEEZE),
    )


def pattern(x, y, dice):
    """Upright stripes, level stripes, checks or nothing: a factor around 1."""
    frequency, plain = dice.between(1.2, 2.6), dice.happens(0.4)
    level, upright = dice.happens(0.67), dice.happens(0.67)
    stripes = mix(1, np.clip(4 * wave(x * frequency), -1, 1), upright)
    bands = mix(1, np.clip(4 * wave(y * frequency), -1, 1), level)
    return 1 + CONTRAST * (1 - plain) * stripes * bands


def skin(parts, x, y, label, dice, pixels_per_unit):
    """Colours of an object, before light: (3, images, pixels)."""
    tints = {name: colour.T[:, :, None] for name, colour in PAINTS.items()}
    for name, usual in zip(("main", "second"), HABITS[CLASSES[label]][1:], strict=True):
        typical, other = dice.pick(colours(usual)), dice.pick(PALETTE)
        tint = mix(other, typical, dice.happens(TYPICAL))
        tints[name] = tint * pattern(x, y, dice)
    painted = np.zeros((3, *x.shape), "float32")
    for distance, name in parts:
        paint(painted, cover(distance - 0.03, pixels_per_unit), tints[name])
    return painted


def slope(field, light, size):
    """Change of a field from one pixel to the next towards the light."""
    field = field.reshape(-1, size, size)
    change = np.zeros_like(field)
    change[:, :, 1:-1] = light[0][:, :, None] * (field[:, :, 2:] - field[:, :, :-2])
    change[:, 1:-1] += light[1][:, :, None] * (field[:, :-2] - field[:, 2:])
    return 0.5 * change.reshape(len(field), -1)


def outline(parts):
    return union(*(distance for distance, _ in parts))


def draw_object(picture, x, y, label, pose, dice, light, size):
    """Draws a posed and lit object with its shadow; returns how much it covers."""
    shape, form = OBJECTS[label], dice.take(3)
    shadow = outline(
        shape(*pose.localize(x + 0.1 * light[0], y + 0.1 * light[1]), form)
    )
    paint(picture, 0.4 * smooth(np.clip(0.5 - 5 * shadow, 0, 1)), 0.1)
    x, y = pose.localize(x, y)
    parts, pixels_per_unit = shape(x, y, form), pose.width * (size / 2)
    painted = skin(parts, x, y, label, dice, pixels_per_unit)
    distance = outline(parts) * pixels_per_unit
    bevel = slope(distance, light, size) * np.clip(1 + distance * (9 / size), 0, 1)
    painted *= 1 + 0.28 * bevel + 0.12 * (x * light[0] + y * light[1])
    amount = cover(distance, 1)
    paint(picture, amount, painted)
    return amount


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
