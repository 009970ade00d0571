"""Backgrounds: nine kinds, from a meadow to the deep sea.

Every background is drawn by the same few layers (sky, clouds, rays, trunks, a ridge,
the ground) whose colours and strengths stand in one table.

Only correctly rounded operations touch a pixel, as in `shapes`.
"""

import numpy as np

from cnnlab.scenes.painting import colours, cover, grain, paint, smooth, wave
from cnnlab.scenes.shapes import box, ellipse, mix

# Background: three variants each of zenith, low sky, ridge, far ground, near ground.
COLOURS = {
    "sky": """4d9de0 6ab7e8 f2a07b  d6ecf8 e8f4fa fbe3c0  a9c7b0 9db8c9 b88a9a
              8fbf72 9cbf7f b59a6a  5f9e4c 76a05a 7a7a4c""",
    "meadow": """5aa9e6 8ecae6 f0a788  d9eef9 eef7f2 fde8c8  8fb996 7aa5a0 a8879b
                 a3c96f b7cf7a c0b36a  5f9e4c 74a346 7f8f45""",
    "forest": """9cc5a1 b9d2a8 d9c79a  d8e8cf e6eccf f1e4c0  49766b 5b7f56 7d7350
                 6f8f52 7f8a4f 9a7b46  4a6238 59512f 6b4a2c""",
    "sea": """5aa9e6 7cc4ea f4a58a  dff1fa f3f4ea fde2c4  9fb8c4 8aa6b8 b08fa0
              4a9fc0 3c8dbc c98f86  1f6f99 20639b 5d6d9a""",
    "deep": """4cc0d9 3aa0d0 2a7fb8  2a86b8 1f6fa5 1b5a8c  1f6d93 1a5985 17476f
               c9b98a 8fa08c 6c8a8f  b3a06f 6f8577 4d6d78""",
    "beach": """6ab7e8 8fd0ee f7b08c  def1fa f0f6f1 fde6c9  3fa7c4 2f97bd c8889a
                f0d9a4 ecd2a0 e0b98a  dcb978 d8b47e c4966a""",
    "street": """7fb2d9 a5c4d9 d9a48f  dbe7ee e9ecec f6dcc5  9a8c98 a69c94 7d7f95
                 a7abb0 b5afa8 8f8a93  6f757d 7c7873 5f5f6d""",
    "room": """e8d8c3 c8d8d2 d5c6d9  f2e8da dbe7e2 e6dbe8  e0cfb8 bccfc8 cbbad0
               b98a5a a8744a 8a6a55  94683f 85582f 6b4f40""",
    "winter": """8fb8d9 b3cbdc d8b4c0  e6f0f6 f1f4f5 f6e3dc  a9bccb b7c5c9 b3a3b8
                 f0f5f8 e9eff3 ece3e8  d4e2ec cfdde3 d2c9d8""",
}
# Background: height of the horizon and of the ridge; strength of clouds, rays, trunks
# and grain; how much the ridge has of roofs and of treetops.
STRENGTHS = {
    "sky": (-0.85, 0.25, 0.9, 0.0, 0.0, 0.5, 0, 0),
    "meadow": (-0.1, 0.3, 0.8, 0.0, 0.0, 1.0, 0, 0),
    "forest": (-0.25, 0.9, 0.0, 0.3, 1.0, 1.0, 0, 1),
    "sea": (-0.1, 0.1, 0.8, 0.0, 0.0, 1.0, 0, 0),
    "deep": (-0.8, 0.3, 0.4, 0.4, 0.0, 0.8, 0, 0),
    "beach": (-0.15, 0.12, 0.6, 0.0, 0.0, 0.5, 0, 0),
    "street": (-0.3, 1.2, 0.5, 0.0, 0.0, 0.5, 1, 0),
    "room": (-0.45, 0.03, 0.0, 0.5, 0.0, 0.9, 0, 0),
    "winter": (-0.15, 0.5, 0.5, 0.0, 0.0, 0.4, 0, 0.7),
}
BACKGROUNDS = tuple(COLOURS)
LAYERS = np.stack([colours(text) for text in COLOURS.values()]).reshape(-1, 5, 3, 3)
SETTINGS = np.array(list(STRENGTHS.values()), "float32")
THINGS = colours("6f9a54 8a8f98 a98f6a c9b79c 5b7a5e 94775a b9a3a0 7f9fae")


def draw_background(x, y, kind, dice, size):
    """Draws a background for each image.

    Args:
        x: Positions to the right in [-1, 1], shape `(1, pixels)`.
        y: Positions upwards in [-1, 1], shape `(1, pixels)`.
        kind: Index into `BACKGROUNDS`, shape `(images,)`.
        dice: The `Dice` of these images.
        size: Height and width in pixels.

    Returns:
        Red, green and blue planes, shape `(3, images, pixels)`.
    """
    layers = LAYERS[kind, :, dice.index(3)].transpose(1, 2, 0)[..., None]
    zenith, low_sky, ridge_colour, far, near = layers
    horizon, rise, clouds, rays, trunks, rough, roofs, tops = SETTINGS[kind].T[
        ..., None
    ]
    horizon = horizon + dice.between(-0.12, 0.12)
    height = np.clip(y - horizon, 0, 1)
    picture = mix(low_sky, zenith, smooth(height))
    puff = np.clip(3 * grain(dice, 5, 5, size) - 1.5, 0, 1) * np.minimum(2 * height, 1)
    paint(picture, 0.8 * clouds * puff, 1)
    upright = grain(dice, 1, 15, size)
    picture += 0.25 * rays * (upright - 0.5) * (height + 0.2)
    paint(picture, trunks * np.clip(8 * upright - 5.5, 0, 0.7), ridge_colour)
    hills = grain(dice, 1, 7, size)
    hills = mix(hills, np.floor(5 * hills) / 5, roofs) + 0.1 * tops * wave(5 * x)
    ridge = horizon + rise * dice.between(0.3, 1.0) * hills
    paint(picture, cover(y - ridge, size / 2), ridge_colour)
    ground = mix(far, near, np.clip(1.2 * (horizon - y), 0, 1))
    ground *= 1 + 0.35 * rough * (grain(dice, 16, 5, size) - 0.5)
    paint(picture, cover(y - horizon, size / 2), ground)
    return picture


def draw_thing(picture, x, y, dice, size, probability, widths=(0.12, 0.3)):
    """Draws a stone, a bush or a crate around the origin of some of the images.

    Returns:
        How much of each pixel it covers, shape `(images, pixels)`.
    """
    width = dice.between(*widths)
    height = width * dice.between(0.6, 1.1)
    stone, crate = ellipse(x, y, width, height), box(x, y, width, height, 0.04)
    distance = mix(stone, crate, dice.happens(0.3))
    amount = cover(distance, size / 2) * dice.happens(probability)
    shade = 0.8 + np.clip(-1.5 * distance, 0, 0.25) + 0.6 * np.clip(y, -0.3, 0.3)
    paint(picture, amount, dice.pick(THINGS) * shade)
    return amount
