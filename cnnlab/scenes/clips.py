"""Clips: Scenes in motion, where the class is how the object moves, not what it is.

One object of `images` stands before a background that does not move. It goes to one of
four sides, grows, shrinks, turns either way, bounces or swings. The world is round:
what leaves at the right comes back in at the left, and an object that is as large as
can be starts again as the smallest. So position, size and angle are numbers on a
circle. They start anywhere with equal probability, and whatever is added to a uniform
number on a circle leaves it uniform: **every single frame looks alike in all ten
classes.** Only the change from frame to frame tells them apart.

One seed gives the same bits on every machine, as in `shapes`.

Taught in notebooks/13_3d_cnns.ipynb.
"""

from typing import NamedTuple

import numpy as np

from cnnlab.scenes import images, objects
from cnnlab.scenes.backgrounds import draw_background, draw_thing
from cnnlab.scenes.painting import Dice, wave

CLASSES = (
    "right",
    "left",
    "up",
    "down",
    "grows",
    "shrinks",
    "turns left",
    "turns right",
    "bounces",
    "swings",
)
REVERSED = (1, 0, 3, 2, 5, 4, 7, 6, 8, 9)  # what a clip shows that runs backwards
MIRRORED = (1, 0, 2, 3, 4, 5, 7, 6, 8, 9)  # what it shows in a mirror, left for right
AXES = (0, 0, 1, 1, 2, 2, 3, 3, 1, 0)  # which of position (2), size and angle changes
SPEEDS = np.array(  # slowest and fastest, in turns of the circle a frame
    [(0.04, 0.09), (0.04, 0.09), (0.05, 0.09), (0.04, 0.09)], "float32"
)
REACH = (0.15, 0.25)  # of bouncing and swinging, in turns
PERIOD = (5.0, 7.0)  # frames from bounce to bounce, from side to side and back
SIZES = (0.28, 0.6)  # half the width of an object, in half images
CLUTTER = 0.3  # probability of each of two things that stand about
NUM_MOVE, NUM_STILL, NUM_OBJECT = 8, 150, 20  # random numbers of a clip
LEAST_FRAMES, LEAST_SIZE = 2, 8


class Pose(NamedTuple):
    """Where an object is in the round world; each field has shape `(frames, 1)`."""

    right: np.ndarray
    up: np.ndarray
    angle: np.ndarray  # in turns, anticlockwise
    flip: np.ndarray  # 1 or -1
    width: np.ndarray
    height: np.ndarray

    def localize(self, x, y):
        """Turns positions in the image into the object's own coordinates."""
        x, y = rotate(around(x - self.right), around(y - self.up), self.angle)
        return x * (self.flip / self.width), y / self.height


def around(distance):
    """The shorter way to a point in a world of circumference 2: in [-1, 1)."""
    return distance - 2 * np.floor((distance + 1) / 2)


def rotate(x, y, turns):
    """Turns axes by any angle, exactly by quarters and by a series for the rest."""
    quarters = np.floor(4 * turns + 0.5)
    rest = np.float32(np.pi) * (turns - quarters / 4)  # half of the angle
    square = rest * rest
    tangent = rest * (1 + square * (1 / 3 + square * (2 / 15 + square * (17 / 315))))
    x, y = objects.turn(x, y, tangent.astype("float32"))
    quarters = quarters.astype("int64") % 4
    cosine = np.array((1, 0, -1, 0), "float32")[quarters]
    sine = np.array((0, 1, 0, -1), "float32")[quarters]
    return cosine * x + sine * y, cosine * y - sine * x


def paths(labels, numbers, num_frames):
    """Moves position, size and angle around their circles.

    Args:
        labels: Classes, shape `(clips,)`.
        numbers: Random numbers in [0, 1), shape `(clips, NUM_MOVE)`; the first four
            are where the clip starts.
        num_frames: Frames of a clip.

    Returns:
        Positions on the circles of right, up, size and angle, in [0, 1), shape
        `(4, clips, frames)`.
    """
    axes, clips = np.array(AXES)[labels], np.arange(len(labels))
    start, speed, reach, phase, period = (
        numbers[:, :4],
        *(numbers[:, column, None] for column in (4, 5, 6, 7)),
    )
    time = np.arange(num_frames, dtype="float32")
    slow, fast = SPEEDS[axes].T[:, :, None]
    sign = np.where(labels % 2 == 0, 1, -1)[:, None].astype("float32")
    steady = sign * (slow + (fast - slow) * speed) * time  # (clips, frames)
    cycle = phase + time / (PERIOD[0] + (PERIOD[1] - PERIOD[0]) * period)
    cycle = cycle - np.floor(cycle)
    reach = REACH[0] + (REACH[1] - REACH[0]) * reach
    kind = labels[:, None]
    offset = np.where(kind == CLASSES.index("swings"), reach / 2 * wave(cycle), steady)
    bounce = reach * 4 * cycle * (1 - cycle)
    offset = np.where(kind == CLASSES.index("bounces"), bounce, offset)
    states = np.repeat(start.T[:, :, None], num_frames, axis=2)
    states[axes, clips] += offset
    return states - np.floor(states)


def draw_poses(states, dice):
    """Turns positions on the circles, `(4, clips, frames)`, into one `Pose` a frame."""
    right, up, size, angle = states.reshape(4, -1, 1)
    width = SIZES[0] + (SIZES[1] - SIZES[0]) * size
    return Pose(
        right=2 * right - 1,
        up=2 * up - 1,
        angle=angle,
        flip=1 - 2 * dice.happens(0.5),
        width=width,
        height=width * dice.between(1 - objects.SQUEEZE, 1 + objects.SQUEEZE),
    )


def _draw(kind, labels, numbers, num_frames, size):
    """Draws clips of one kind of object: `(clips, frames, size, size, 3)`."""
    axis = (np.arange(size, dtype="float32") + 0.5) * (2 / size) - 1
    x, y = np.tile(axis, size)[None], np.repeat(-axis, size)[None]  # (1, pixels)
    move, still, own = np.split(numbers, (NUM_MOVE, NUM_MOVE + NUM_STILL), axis=1)
    states = paths(labels, move, num_frames)
    dice = Dice(still)
    picture = draw_background(x, y, images.choose_backgrounds(kind, dice), dice, size)
    for _ in range(2):
        right, up = dice.between(-1, 1), dice.between(-0.9, 0)
        draw_thing(picture, x - right, y - up, dice, size, CLUTTER)
    light = objects.turn(0, 1, dice.between(-1, 1))
    bright = dice.between(*images.BRIGHTNESS) + 0.08 * (x * light[0] + y * light[1])
    picture, bright, *light = (
        np.repeat(each, num_frames, axis=-2) for each in (picture, bright, *light)
    )
    dice = Dice(np.repeat(own, num_frames, axis=0))  # the same in all its frames
    pose = draw_poses(states, dice)
    objects.draw_object(picture, x, y, kind, pose, dice, light, size)
    picture = np.clip(picture * bright, 0, 1)
    return picture.reshape(3, -1, num_frames, size, size).transpose(1, 2, 3, 4, 0)


def render(num_clips, seed=0, num_frames=8, size=32):
    """Draws clips of single moving objects.

    Every ten clips in succession show each motion once, and each kind of object once,
    in two random orders. Clip `i` depends on the seed and on `i` alone; more frames
    continue it.

    Args:
        num_clips: Number of clips, at least 1.
        seed: A non-negative integer, or a tuple of them.
        num_frames: Frames of a clip, at least 2.
        size: Height and width in pixels, at least 8.

    Returns:
        `(clips, labels)`: clips float32 in [0, 1], shape
        `(N, num_frames, size, size, 3)`; labels int64, indices into `CLASSES`.

    Raises:
        ValueError: If a number is too small.
    """
    images.at_least("num_clips", num_clips, 1)
    images.at_least("num_frames", num_frames, LEAST_FRAMES)
    images.at_least("size", size, LEAST_SIZE)
    num_rounds = -(-num_clips // len(CLASSES))
    generator = np.random.Generator(np.random.PCG64(seed))
    columns = 2 + NUM_MOVE + NUM_STILL + NUM_OBJECT
    numbers = generator.random((num_rounds, len(CLASSES), columns), "float32")
    labels, kinds = (
        numbers[:, :, column].argsort(axis=1, kind="stable").reshape(-1)
        for column in (0, 1)
    )
    numbers = numbers.reshape(-1, columns)[:, 2:]
    clips = np.empty((len(labels), num_frames, size, size, 3), "float32")
    at_once = max(1, images.GROUP_PIXELS // (num_frames * size**2))
    for kind in range(len(images.CLASSES)):
        rows = np.flatnonzero(kinds == kind)
        for first in range(0, len(rows), at_once):
            chosen = rows[first : first + at_once]
            drawn = _draw(kind, labels[chosen], numbers[chosen], num_frames, size)
            clips[chosen] = drawn
    return clips[:num_clips], labels[:num_clips].astype("int64")
