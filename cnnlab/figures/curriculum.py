"""The map of the lessons."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from cnnlab.figures.base import COLOURS


def curriculum(lessons, written, ax=None):
    """Draws lessons as boxes, each to the right of the lessons that it needs.

    Args:
        lessons: A dict from a number to a dict with the lesson's `name` and the
            numbers that it `needs`, which stand before it in the dict.
        written: Numbers of the lessons that exist; all others are drawn pale.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure(figsize=(7, 4.6)).subplots()
    positions = _curriculum_positions(lessons)
    for number, lesson in lessons.items():
        strong = number in written
        for need in lesson["needs"]:
            _arrow(ax, positions[need], positions[number], strong)
        _box(ax, positions[number], f"{number} {lesson['name']}", strong)
    columns, rows = np.transpose(list(positions.values()))
    ax.set(xlim=(-0.45, columns.max() + 0.45), ylim=(rows.max() + 0.5, 0))
    ax.set_axis_off()
    return ax


def _curriculum_positions(lessons):
    """Finds a column and a row for each lesson, so that few arrows cross."""
    columns, positions = {}, {}
    for number, lesson in lessons.items():
        column = 1 + max((positions[need][0] for need in lesson["needs"]), default=-1)
        columns.setdefault(column, []).append(number)
        positions[number] = (column, 0.0)
    tallest = max(map(len, columns.values()))
    for column, numbers in sorted(columns.items()):
        numbers.sort(key=lambda n: [positions[need][1] for need in lessons[n]["needs"]])
        for row, number in enumerate(numbers):
            positions[number] = (column, (row + 0.5) * tallest / len(numbers))
    return positions


HALF_A_BOX = 0.37  # its width, where columns are 1 apart


def _arrow(ax, start, end, strong):
    """Draws an arrow from the right of one box to the left of another."""
    line = {"arrowstyle": "-|>", "color": "0.3" if strong else "0.75"}
    line |= {"shrinkA": 0, "shrinkB": 0}
    tail, head = (start[0] + HALF_A_BOX, start[1]), (end[0] - HALF_A_BOX, end[1])
    ax.annotate("", head, tail, arrowprops=line)


def _box(ax, position, text, strong):
    """Writes a text into a box, white on blue if it is strong, grey if not."""
    face, colour = (COLOURS[0], "white") if strong else ("0.94", "0.4")
    corner = (position[0] - HALF_A_BOX, position[1] - 0.3)
    box = Rectangle(corner, 2 * HALF_A_BOX, 0.6, facecolor=face, edgecolor="0.8")
    ax.add_patch(box)
    ax.text(*position, text, ha="center", va="center", fontsize=9, color=colour)
