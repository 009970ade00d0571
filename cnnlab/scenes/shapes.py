"""Shapes: ten kinds of objects as signed distance functions.

A distance function takes local coordinates and returns how far each point lies
outside (positive) or inside (negative) the shape. Unions, cuts and seams are
minima and maxima of distances; pose, light and position are not the shape's business.

Only correctly rounded operations appear (`+ - * /`, square root, minimum, maximum,
absolute value, floor), so that every machine computes the same bits.

Source: Quilez, 2D distance functions, https://iquilezles.org/articles/distfunctions2d
"""

import numpy as np

# Primitives. `x` (to the right) and `y` (up) are fields, shape `(images, pixels)`.


def circle(x, y, radius):
    return np.sqrt(x * x + y * y) - radius


def ellipse(x, y, width, height):
    """Exact on the outline and close to it, which is where it is looked at."""
    x, y = x / width, y / height
    inside = x * x + y * y
    x, y = x / width, y / height
    scale = np.sqrt((inside + 1e-9) / (x * x + y * y + 1e-9))
    return (np.sqrt(inside) - 1) * scale


def box(x, y, width, height, rounding=0.0):
    x, y = np.abs(x) - (width - rounding), np.abs(y) - (height - rounding)
    inside = np.minimum(np.maximum(x, y), 0)
    x, y = np.maximum(x, 0), np.maximum(y, 0)
    return inside + np.sqrt(x * x + y * y) - rounding


def taper(x, y, bottom, top, height):
    """A trapezoid between half-widths `bottom` and `top`; a triangle if one is 0."""
    slope = (bottom - top) / (2 * height)
    side = np.abs(x) - 0.5 * (bottom + top) + slope * y
    length = np.sqrt(np.float32(1) + slope * slope)
    return np.maximum(side / length, np.abs(y) - height)


def stick(x, y, bottom, top, radius):
    """An upright rod with round ends."""
    return circle(x, y - np.clip(y, bottom, top), radius)


def union(*distances):
    result = distances[0]
    for distance in distances[1:]:
        result = np.minimum(result, distance)
    return result


def blend(first, second, softness):
    """A union with a rounded seam."""
    seam = np.maximum(softness - np.abs(first - second), 0)
    return np.minimum(first, second) - seam * seam * (0.25 / softness)


def mix(first, second, weight):
    return first + weight * (second - first)


# Objects stand in [-1, 1] x [-1, 1]. Each returns its parts as (distance, paint), from
# back to front; `form` holds three numbers in [0, 1) that vary it within its class.


def bird(x, y, form):
    body = ellipse(x + 0.05, y + 0.1, 0.55, 0.36 + 0.1 * form[0])
    head = circle(x - 0.5, y - 0.3, 0.29)
    tail = taper(y + 0.02 + 0.35 * (x + 0.75), x + 0.75, 0.26, 0.08, 0.27)
    wing = ellipse(x + 0.15 + 0.4 * y, y - 0.12 * form[1] - 0.05, 0.38, 0.22)
    return [
        (stick(np.abs(x - 0.08) - 0.1, y, -0.85, -0.4, 0.04), "gold"),
        (tail, "second"),
        (blend(body, head, 0.25), "main"),
        (wing, "second"),
        (taper(y - 0.27, x - 0.86, 0.12, 0.0, 0.13), "gold"),
        (circle(x - 0.58, y - 0.37, 0.075), "ink"),
    ]


def car(x, y, form):
    shift, roof = 0.25 * form[0] - 0.2, 0.16 + 0.14 * form[1]
    cabin = taper(x - shift, y - 0.2, 0.66, 0.36, roof + 0.12)
    window = taper(x - shift, y - 0.16, 0.5, 0.33, roof)
    wheels = np.abs(x) - 0.52
    return [
        (cabin, "main"),
        (box(x, y + 0.28, 0.95, 0.3, 0.16), "main"),
        (np.maximum(window, 0.05 - np.abs(x - shift)), "glass"),
        (box(x - 0.86, y + 0.2, 0.07, 0.08), "cream"),
        (circle(wheels, y + 0.56, 0.26), "ink"),
        (circle(wheels, y + 0.56, 0.12), "silver"),
    ]


def cup(x, y, form):
    handle = np.abs(ellipse(x - 0.55, y + 0.02, 0.32, 0.36)) - 0.09
    lower, x = 0.36 + 0.2 * form[0], x + 0.15
    body = taper(x, y + 0.1, lower, 0.6, 0.68)
    return [
        (handle, "main"),
        (union(body, ellipse(x, y + 0.76, lower, 0.12)), "main"),
        (np.maximum(body, np.abs(y + 0.2) - 0.1 - 0.15 * form[1]), "second"),
        (ellipse(x, y - 0.58, 0.6, 0.2), "main"),
        (ellipse(x, y - 0.58, 0.5, 0.14), "wood"),
    ]


def fish(x, y, form):
    height = 0.36 + 0.22 * form[0]
    body = ellipse(x - 0.15, y, 0.75, height)
    stripes = np.abs(np.abs(x - 0.1) - 0.2) - 0.08
    return [
        (taper(y, x + 0.72, 0.5, 0.05, 0.26), "second"),
        (taper(x + 0.02 + 0.4 * y, y - height, 0.35, 0.12, 0.2), "second"),
        (body, "main"),
        (np.maximum(stripes, body), "second"),
        (circle(x - 0.6, y - 0.1, 0.12), "cream"),
        (circle(x - 0.62, y - 0.1, 0.065), "ink"),
    ]


def flower(x, y, form):
    reach, radius = 0.33 + 0.05 * form[0], 0.24 + 0.05 * form[1]
    aside, rise = np.abs(x), y - 0.3
    petals = union(  # five, at every 72 degrees
        circle(aside, rise - reach, radius),
        circle(aside - 0.951 * reach, rise - 0.309 * reach, radius),
        circle(aside - 0.588 * reach, rise + 0.809 * reach, radius),
    )
    return [
        (stick(x, y, -1.0, 0.2, 0.06), "leaf"),
        (ellipse(aside - 0.28, y + 0.62 - 0.5 * aside, 0.27, 0.1), "leaf"),
        (petals, "main"),
        (circle(x, rise, 0.2), "second"),
    ]


def house(x, y, form):
    width = 0.55 + 0.2 * form[0]
    return [
        (box(x - 0.4, y - 0.65, 0.1, 0.3), "second"),
        (box(x, y + 0.4, width, 0.56), "main"),
        (box(np.abs(x - 0.05) - 0.33, y + 0.2, 0.13, 0.14), "glass"),
        (box(x - 0.05, y + 0.62, 0.15, 0.34), "wood"),
        (taper(x, y - 0.48, width + 0.2, 0.1, 0.36), "second"),
    ]


def mushroom(x, y, form):
    stem = taper(x, y + 0.5, 0.26, 0.18 + 0.08 * form[1], 0.45) - 0.04
    dome = ellipse(x, y + 0.05, 0.9, 0.6 + 0.2 * form[0])
    cap = np.maximum(dome, -0.05 - y) - 0.03
    dots = union(
        circle(x, y - 0.42, 0.13),
        circle(np.abs(x) - 0.42, y - 0.16, 0.12),
        circle(np.abs(x) - 0.72, y - 0.05, 0.07),
    )
    return [(stem, "cream"), (cap, "main"), (np.maximum(dots, cap), "cream")]


def sailboat(x, y, form):
    height = 0.5 + 0.16 * form[0]
    jib = np.maximum(taper(x + 0.04, y - 0.1, 0.55, 0.0, height - 0.1), x + 0.04)
    sail = np.maximum(taper(x - 0.06, y - 0.25, 0.75, 0.0, height + 0.05), 0.06 - x)
    return [
        (box(x, y - 0.1, 0.035, 0.82), "wood"),
        (sail, "cream"),
        (jib, "main"),
        (np.maximum(taper(x, y + 0.68, 0.45, 0.85, 0.24), y + 0.46), "second"),
    ]


def tree(x, y, form):
    leafy = union(
        circle(x, y - 0.45, 0.48),
        circle(np.abs(x) - 0.38, y - 0.12, 0.4),
    )
    needled = union(
        taper(x, y - 0.7, 0.42, 0.0, 0.3),
        taper(x, y - 0.32, 0.6, 0.1, 0.32),
        taper(x, y + 0.12, 0.78, 0.2, 0.34),
    )
    crown = mix(leafy, needled, np.floor(form[0] + 0.5))
    return [(box(x, y + 0.55, 0.1 + 0.05 * form[1], 0.45), "wood"), (crown, "main")]


def umbrella(x, y, form):
    height = 0.72 + 0.2 * form[0]
    x_folded, y_dome = np.abs(np.abs(x) - 0.3) - 0.3, y - 0.05
    scallops = ellipse(x_folded, y_dome, 0.3, 0.14)
    canopy = np.maximum(
        np.maximum(ellipse(x, y_dome, 0.92, height), -y_dome), -scallops
    )
    hook = np.abs(circle(x - 0.16, y + 0.75, 0.16)) - 0.05
    return [
        (stick(x, y, -0.75, 0.9, 0.045), "wood"),
        (np.maximum(hook, y + 0.75), "wood"),
        (canopy, "main"),
        (np.maximum(ellipse(x, y_dome, 0.32, height), canopy), "second"),
    ]


OBJECTS = (bird, car, cup, fish, flower, house, mushroom, sailboat, tree, umbrella)
