"""Objects: the shapes of `shapes` in a pose, with colours, patterns, light and shadow.

Only correctly rounded operations touch a pixel, as in `shapes`.
"""

from typing import NamedTuple

import numpy as np

from cnnlab.scenes.painting import colours, cover, paint, smooth, wave
from cnnlab.scenes.shapes import OBJECTS, mix, union

# Lengths are in half images.
TYPICAL = 0.3  # probability that a part certainly has a colour of its class
SCALES = (0.55, 0.85)  # half the width of an object
SHIFT = 0.25  # furthest that it is off the centre, either way
TILT = 0.65  # tangent of half the largest angle, either way
SQUEEZE = 0.15  # how much it is higher or lower than it is wide
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
