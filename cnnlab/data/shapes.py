"""Shapes: ten kinds of objects as signed distance functions.

A distance function takes local coordinates and returns how far each point lies
outside (positive) or inside (negative) the shape. Unions, cuts and seams are
minima and maxima of distances; pose, light and place are not the shape's business.

Source: Quilez, 2D distance functions, https://iquilezles.org/articles/distfunctions2d
"""

import numpy as np

# Distance functions. x and y are fields of shape (images, pixels), y up.


def circle(x, y, radius):
    return np.sqrt(x * x + y * y) - radius


def ellipse(x, y, width, height):
    inner = (x / width) * (x / width) + (y / height) * (y / height)
    slope = (x / width**2) * (x / width**2) + (y / height**2) * (y / height**2)
    return (inner - np.sqrt(inner)) / np.sqrt(slope + 1e-6)


def box(x, y, width, height, rounding=0.0):
    dx = np.abs(x) - (width - rounding)
    dy = np.abs(y) - (height - rounding)
    outside_x, outside_y = np.maximum(dx, 0), np.maximum(dy, 0)
    outside = np.sqrt(outside_x * outside_x + outside_y * outside_y)
    return outside + np.minimum(np.maximum(dx, dy), 0) - rounding


def taper(x, y, bottom, top, height):
    """A trapezoid, half as wide as `bottom` and `top` say; a triangle if `top` is 0."""
    slope = (bottom - top) / (2 * height)
    side = np.abs(x) - 0.5 * (bottom + top) + slope * y
    return np.maximum(side / (1 + slope * slope) ** 0.5, np.abs(y) - height)


def capsule(x, y, start, end, radius):
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    x, y = x - start[0], y - start[1]
    place = (x * along_x + y * along_y) / (along_x * along_x + along_y * along_y)
    place = np.clip(place, 0, 1)
    return circle(x - place * along_x, y - place * along_y, radius)


def union(*distances):
    result = distances[0]
    for distance in distances[1:]:
        result = np.minimum(result, distance)
    return result


def blend(first, second, softness):
    """Joins two shapes with a rounded seam."""
    seam = np.maximum(softness - np.abs(first - second), 0)
    return np.minimum(first, second) - seam * seam * (0.25 / softness)


def mix(first, second, weight):
    return first + weight * (second - first)


# Objects. Each returns its painted parts, back to front, in [-1, 1] x [-1, 1];
# `form` holds three numbers in [0, 1) that vary the object within its class.


def bird(x, y, form):
    body = ellipse(x + 0.05, y + 0.1, 0.55, 0.36 + 0.1 * form[0])
    head = circle(x - 0.5, y - 0.3, 0.29)
    tail = taper(y + 0.02 + 0.35 * (x + 0.75), x + 0.75, 0.26, 0.08, 0.27)
    wing = ellipse(x + 0.15 + 0.4 * y, y - 0.12 * form[1] - 0.05, 0.38, 0.22)
    return [
        (capsule(x, y, (-0.02, -0.4), (-0.02, -0.85), 0.04), "gold"),
        (capsule(x, y, (0.18, -0.4), (0.18, -0.85), 0.04), "gold"),
        (tail, "second"),
        (blend(body, head, 0.25), "main"),
        (wing, "second"),
        (taper(y - 0.27, x - 0.86, 0.12, 0.0, 0.13), "gold"),
        (circle(x - 0.58, y - 0.37, 0.075), "ink"),
    ]


def car(x, y, form):
    shift = 0.25 * form[0] - 0.2
    roof = 0.16 + 0.14 * form[1]
    cabin = taper(x - shift, y - 0.2, 0.66, 0.36, roof + 0.12)
    glass = np.maximum(
        taper(x - shift, y - 0.16, 0.5, 0.33, roof), 0.05 - np.abs(x - shift)
    )
    body = box(x, y + 0.28, 0.95, 0.3, 0.16)
    parts = [(cabin, "main"), (body, "main"), (glass, "glass")]
    parts += [(box(x - 0.86, y + 0.2, 0.07, 0.08), "cream")]
    for centre in (-0.52, 0.52):
        parts += [(circle(x - centre, y + 0.56, 0.26), "ink")]
        parts += [(circle(x - centre, y + 0.56, 0.12), "silver")]
    return parts


def cup(x, y, form):
    lower = 0.36 + 0.2 * form[0]
    ring = np.abs(ellipse(x - 0.55, y + 0.02, 0.32, 0.36)) - 0.09
    body = taper(x + 0.15, y + 0.1, lower, 0.6, 0.68)
    base = ellipse(x + 0.15, y + 0.76, lower, 0.12)
    rim = ellipse(x + 0.15, y - 0.58, 0.6, 0.2)
    band = np.maximum(body, np.abs(y + 0.2) - 0.1 - 0.15 * form[1])
    return [
        (ring, "main"),
        (union(body, base), "main"),
        (band, "second"),
        (rim, "main"),
        (ellipse(x + 0.15, y - 0.58, 0.5, 0.14), "wood"),
    ]


def fish(x, y, form):
    height = 0.36 + 0.22 * form[0]
    body = ellipse(x - 0.15, y, 0.75, height)
    tail = taper(y, x + 0.72, 0.5, 0.05, 0.26)
    fin = taper(x + 0.02 + 0.4 * y, y - height, 0.35, 0.12, 0.2)
    stripe = np.maximum(np.abs(np.abs(x - 0.1) - 0.2) - 0.08, body)
    return [
        (tail, "second"),
        (fin, "second"),
        (body, "main"),
        (stripe, "second"),
        (circle(x - 0.6, y - 0.1, 0.12), "cream"),
        (circle(x - 0.62, y - 0.1, 0.065), "ink"),
    ]


def flower(x, y, form):
    reach, radius = 0.33 + 0.05 * form[0], 0.24 + 0.05 * form[1]
    rise = y - 0.3
    folded = np.abs(x)
    petals = union(
        circle(folded, rise - reach, radius),
        circle(folded - 0.951 * reach, rise - 0.309 * reach, radius),
        circle(folded - 0.588 * reach, rise + 0.809 * reach, radius),
    )
    leaf = ellipse(folded - 0.28, y + 0.62 - 0.5 * folded, 0.27, 0.1)
    return [
        (capsule(x, y, (0.0, -1.0), (0.0, 0.2), 0.06), "leaf"),
        (leaf, "leaf"),
        (petals, "main"),
        (circle(x, rise, 0.2), "second"),
    ]


def house(x, y, form):
    width = 0.55 + 0.2 * form[0]
    roof = taper(x, y - 0.48, width + 0.2, 0.1, 0.36)
    pane = box(np.abs(x - 0.05) - 0.33, y + 0.2, 0.13, 0.14)
    return [
        (box(x - 0.4, y - 0.65, 0.1, 0.3), "second"),
        (box(x, y + 0.4, width, 0.56), "main"),
        (pane, "glass"),
        (box(x - 0.05, y + 0.62, 0.15, 0.34), "wood"),
        (roof, "second"),
    ]


def mushroom(x, y, form):
    height = 0.6 + 0.2 * form[0]
    stem = taper(x, y + 0.5, 0.26, 0.18 + 0.08 * form[1], 0.45)
    cap = np.maximum(ellipse(x, y + 0.05, 0.9, height), -0.05 - y)
    dots = union(
        circle(x, y - 0.42, 0.13),
        circle(np.abs(x) - 0.42, y - 0.16, 0.12),
        circle(np.abs(x) - 0.72, y - 0.05, 0.07),
    )
    return [
        (stem - 0.04, "cream"),
        (cap - 0.03, "main"),
        (np.maximum(dots, cap), "cream"),
    ]


def sailboat(x, y, form):
    hull = np.maximum(taper(x, y + 0.68, 0.45, 0.85, 0.24), y + 0.46)
    height = 0.5 + 0.16 * form[0]
    right = np.maximum(taper(x - 0.06, y - 0.25, 0.75, 0.0, height + 0.05), 0.06 - x)
    left = np.maximum(taper(x + 0.04, y - 0.1, 0.55, 0.0, height - 0.1), x + 0.04)
    return [
        (box(x - 0.0, y - 0.1, 0.035, 0.82), "wood"),
        (right, "cream"),
        (left, "main"),
        (hull, "second"),
    ]


def tree(x, y, form):
    round_crown = union(
        circle(x, y - 0.45, 0.48),
        circle(np.abs(x) - 0.38, y - 0.12, 0.4),
    )
    pointed_crown = union(
        taper(x, y - 0.7, 0.42, 0.0, 0.3),
        taper(x, y - 0.32, 0.6, 0.1, 0.32),
        taper(x, y + 0.12, 0.78, 0.2, 0.34),
    )
    crown = mix(round_crown, pointed_crown, np.floor(form[0] + 0.5))
    return [
        (box(x, y + 0.55, 0.1 + 0.05 * form[1], 0.45), "wood"),
        (crown, "main"),
    ]


def umbrella(x, y, form):
    dome = ellipse(x, y - 0.05, 0.92, 0.72 + 0.2 * form[0])
    scallops = union(
        ellipse(x, y - 0.05, 0.3, 0.14),
        ellipse(np.abs(x) - 0.6, y - 0.05, 0.3, 0.14),
    )
    canopy = np.maximum(np.maximum(dome, 0.05 - y), -scallops)
    hook = np.maximum(np.abs(circle(x - 0.16, y + 0.75, 0.16)) - 0.05, y + 0.75)
    rib = np.maximum(ellipse(x, y - 0.05, 0.32, 0.74 + 0.2 * form[0]), canopy)
    return [
        (box(x, y - 0.05, 0.045, 0.82), "wood"),
        (hook, "wood"),
        (canopy, "main"),
        (rib, "second"),
    ]


OBJECTS = (bird, car, cup, fish, flower, house, mushroom, sailboat, tree, umbrella)
CLASSES = tuple(shape.__name__ for shape in OBJECTS)
