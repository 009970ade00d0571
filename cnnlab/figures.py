"""Figures of the lessons: arrays in, Axes out; all of matplotlib lives here.

Training is dashed and validation solid, one model keeps one colour everywhere, and
a band shows the spread over seeds. Every figure carries an alternative text, and a
page gets it with two pixels for one, so that it is sharp on a dense screen too.
"""

import base64
import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

# Okabe and Ito's palette: told apart by colour-blind readers. In grayscale some come
# close to each other: there a marker or a dash tells, so a line has its own.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MODEL_COLOURS = {"modern CNN": COLOURS[0], "simple CNN": COLOURS[1]}
OTHER_COLOURS = COLOURS[len(MODEL_COLOURS) :]
MARKERS = "os^Dv<>"
MODEL_MARKERS = {"modern CNN": MARKERS[0], "simple CNN": MARKERS[1]}
SHARPNESS = 2  # pixels of a stored picture for one of the page

plt.rcParams.update(
    {
        "figure.figsize": (7.0, 3.2),
        "figure.dpi": 100,
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.prop_cycle": cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "image.cmap": "viridis",
        "image.interpolation": "nearest",
        "legend.frameon": False,
    }
)


def describe(figure, text):
    """Gives a figure the alternative text that readers of the page hear.

    In a notebook the text is stored with the picture, where nbconvert finds it.

    Args:
        figure: Figure to be described, before it is shown.
        text: One or two sentences that say what the figure shows.

    Returns:
        The figure.

    Raises:
        ValueError: If `text` is empty.
    """
    if not text.strip():
        raise ValueError(f"The alternative text must not be empty. Received: {text!r}")
    figure.alternative_text = text
    _let_pages_draw_with_picture()
    return figure


def picture(figure):
    """Draws a figure as a PNG in 256 colours, a third of the bytes of all colours.

    Args:
        figure: Figure, described with `describe`.

    Returns:
        The PNG in base64, and a dict for the page: `width` and `height` at which to
        show it, in pixels, and its text, `alt`.
    """
    every_colour, file = io.BytesIO(), io.BytesIO()
    dpi = SHARPNESS * figure.dpi
    figure.savefig(every_colour, format="png", dpi=dpi, bbox_inches="tight")
    image = Image.open(every_colour).convert("RGB").quantize(dither=Image.Dither.NONE)
    image.save(file, format="png", optimize=True)
    width, height = (side // SHARPNESS for side in image.size)
    text = getattr(figure, "alternative_text", "")
    png = base64.b64encode(file.getvalue()).decode()
    return png, {"width": width, "height": height, "alt": text}


def _let_pages_draw_with_picture():
    """Lets IPython draw with `picture`, where it draws figures at all."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["image/png"]
    if Figure in formatter.type_printers:
        formatter.for_type(Figure, lambda f: picture(f) if f.axes else None)


def images(pictures, titles=None, columns=10, figure=None):
    """Shows small pictures in rows.

    Args:
        pictures: Array of shape `(N, H, W, 3)` or `(N, H, W, 1)` with values in [0, 1].
        titles: A text above each picture.
        columns: Pictures in a row.
        figure: Figure to draw into, a new one of 7 inches width by default.

    Returns:
        An array of Axes, one a cell of the grid.
    """
    rows = -(-len(pictures) // columns)
    height = 7 / columns * (1.0 if titles is None else 1.3)
    figure = figure or plt.figure(figsize=(7, rows * height))
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for index, (ax, picture) in enumerate(zip(axes.flat, pictures, strict=False)):
        ax.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=1)
        if titles is not None:
            ax.set_title(titles[index], fontsize=8, loc="center")
    return axes


def curves(histories, quantity="accuracy", ax=None):
    """Draws training dashed and validation solid, with a band over seeds.

    The first of a figure's axes carries the legend.

    Args:
        histories: A dict from a model's name to a list of histories, one a seed; each
            is a dict of lists with one number an epoch.
        quantity: `"accuracy"` or `"loss"`.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for (name, runs), style in zip(histories.items(), _styles(histories), strict=True):
        validation = [run[f"val_{quantity}"] for run in runs]
        _mean_and_band(ax, [run[quantity] for run in runs], "--", style)
        _mean_and_band(ax, validation, "-", {**style, "label": name})
    ax.plot([], [], "-", color="0.4", label="validation")
    ax.plot([], [], "--", color="0.4", label="training")
    ax.set(xlabel="epoch", ylabel=quantity)
    ax.xaxis.get_major_locator().set_params(integer=True)
    if not any(each.get_legend() for each in ax.figure.axes):  # one serves them all
        ax.legend(fontsize=8)
    return ax


def _styles(names):
    """Returns the colour and marker of each line; a known model keeps its own."""
    others = itertools.cycle(zip(OTHER_COLOURS, MARKERS[len(MODEL_MARKERS) :]))
    known = {name: (MODEL_COLOURS[name], MODEL_MARKERS[name]) for name in MODEL_COLOURS}
    pairs = [known.get(name) or next(others) for name in names]
    return [{"color": color, "marker": marker} for color, marker in pairs]


def _mean_and_band(ax, runs, line, style):
    values = np.full((len(runs), max(map(len, runs))), np.nan)  # (seeds, epochs)
    for row, run in zip(values, runs, strict=True):
        row[: len(run)] = run  # a run may have stopped early
    alive = np.sum(~np.isnan(values), axis=0)
    mean = np.nansum(values, axis=0) / alive
    squares = np.nansum((values - mean) ** 2, axis=0)
    spread = np.sqrt(squares / np.maximum(alive - 1, 1))
    epochs = np.arange(1, len(mean) + 1)
    ax.plot(epochs, mean, line, ms=4, markevery=-(-len(mean) // 15), **style)
    band = {"color": style["color"], "alpha": 0.2, "lw": 0}
    ax.fill_between(epochs, mean - spread, mean + spread, **band)


def confusion(counts, classes, ax=None):
    """Draws a confusion matrix as shares of the true class.

    Args:
        counts: Integer array `(num_classes, num_classes)`, truth in rows.
        classes: Names of the classes.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure(figsize=(5.2, 4.4)).subplots()
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    picture = ax.imshow(shares, vmin=0, vmax=100)
    for row, column in np.ndindex(shares.shape):
        if shares[row, column] >= 0.5:
            color = "black" if shares[row, column] > 60 else "white"
            text = f"{shares[row, column]:.0f}"
            ax.text(
                column, row, text, ha="center", va="center", fontsize=7, color=color
            )
    ticks = np.arange(len(classes))
    ax.set_xticks(ticks, classes, rotation=45, ha="right", fontsize=8)
    ax.set_yticks(ticks, classes, fontsize=8)
    ax.set(xlabel="the network's answer", ylabel="truth")
    ax.figure.colorbar(picture, ax=ax, label="share of the class (%)")
    return ax


def ablation(accuracies, baseline, ax=None, arms=None):
    """Draws each arm's runs as dots and their mean as a bar, the baseline as a line.

    Args:
        accuracies: A dict from an arm's name to its test accuracies, one a seed.
        baseline: Name of the arm against which the others are read.
        ax: Axes to draw into, new ones by default.
        arms: Names from the lowest row to the highest, by default in the order of their
            means.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    arms = arms or sorted(accuracies, key=lambda arm: np.mean(accuracies[arm]))
    reference = 100 * np.array(accuracies[baseline])
    spread = reference.std(ddof=1) if len(reference) > 1 else 0
    ax.axvspan(reference.mean() - spread, reference.mean() + spread, color="0.88", lw=0)
    ax.axvline(reference.mean(), color="0.5", lw=1)
    for row, arm in enumerate(arms):
        values = 100 * np.array(accuracies[arm])
        color = MODEL_COLOURS.get(arm, OTHER_COLOURS[0])
        ax.plot(values, np.full(len(values), row), "o", color=color, ms=4, alpha=0.6)
        ax.plot(values.mean(), row, "|", color=color, ms=16, mew=2.5)
    ax.set_yticks(range(len(arms)), arms)
    ax.set_xlabel("test accuracy (%)")
    return ax


def flattery(sizes, by_test, by_val, ax=None):
    """Draws by how much a reported accuracy exceeds the true one.

    Args:
        sizes: Numbers of test images that were reported on.
        by_test: Points of accuracy too much when those images chose the epoch, shape
            `(runs, sizes)`.
        by_val: The same when validation chose it.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for values, name, marker, color in (
        (by_test, "epoch chosen on the test images", "^", OTHER_COLOURS[1]),
        (by_val, "epoch chosen on validation", "o", OTHER_COLOURS[0]),
    ):
        ax.plot(sizes, np.transpose(values), marker, color=color, ms=4, alpha=0.5)
        ax.plot(sizes, np.mean(values, 0), marker + "-", color=color, label=name)
    ax.axhline(0, color="0.5", lw=1)
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.minorticks_off()
    ax.set(xlabel="test images reported on", ylabel="points too much")
    ax.legend()
    return ax


def numbers(values, title=None, ax=None):
    """Shows a small matrix as coloured cells with its numbers written in them.

    Args:
        values: Array of shape `(H, W)`.
        title: A text above it.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    limit = max(abs(values).max(), 1e-9)
    ax = feature_map(values, title, limit=limit, ax=ax)
    for gap in np.arange(0.5, max(values.shape)):
        ax.axhline(gap, color="white", lw=1)
        ax.axvline(gap, color="white", lw=1)
    for (row, column), value in np.ndenumerate(values):
        color = "white" if abs(value) > 0.6 * limit else "black"
        ax.text(column, row, f"{value:g}", ha="center", va="center", color=color)
    return ax


def feature_map(values, title=None, signed=True, limit=None, ax=None):
    """Shows one map: signed ones in two colours around zero, others in grey.

    Args:
        values: Array of shape `(H, W)`; in [0, 1] unless signed, and clipped to it.
        title: A text above it.
        signed: Whether zero is the middle of the scale, white.
        limit: Signed value in full colour; by default one in a hundred lies beyond.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    limit = limit or max(np.quantile(abs(values), 0.99), 1e-9)
    scale = {"cmap": "gray", "vmin": 0, "vmax": 1}
    if signed:
        scale = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    ax.imshow(values, **scale)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color="0.7")
    ax.set_title(title, loc="center")
    return ax


def lines(x, series, ax=None):
    """Draws one line a name, and a band over the runs where there are several.

    Args:
        x: Positions along the horizontal axis, shape `(N,)`.
        series: A dict from a name to an array `(N,)`, or `(runs, N)`.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for (name, runs), color, marker in zip(
        series.items(), COLOURS, MARKERS, strict=False
    ):
        runs = np.atleast_2d(runs)
        mean, spread = runs.mean(axis=0), runs.std(axis=0, ddof=min(1, len(runs) - 1))
        ax.plot(x, mean, marker=marker, ms=4, color=color, label=name)
        ax.fill_between(x, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def activations(functions, figure=None):
    """Draws each activation solid and its slope dashed, one panel each.

    Args:
        functions: A dict from a name to a pair of functions of an array: the
            activation and its slope.
        figure: Figure to draw into, a new one by default.

    Returns:
        An array of Axes, four in a row.
    """
    rows = -(-len(functions) // 4)
    figure = figure or plt.figure(figsize=(7, 1.9 * rows))
    axes = figure.subplots(rows, 4, sharex=True, sharey=True, squeeze=False)
    x = np.linspace(-4, 8, 601)
    for ax, (name, (activation, slope)) in zip(
        axes.flat, functions.items(), strict=False
    ):
        ax.axhline(0, color="0.8", lw=0.8)
        ax.axvline(0, color="0.8", lw=0.8)
        ax.plot(x, activation(x), label="value")
        ax.plot(x, slope(x), "--", label="slope")
        ax.set_title(name, loc="center")
    for ax in axes.flat[len(functions) :]:
        ax.set_axis_off()
    axes[0, 0].legend(fontsize=8, loc="upper left")
    axes[0, 0].set_ylim(-1.5, 6.5)
    figure.supxlabel("input", fontsize=10)
    figure.supylabel("output", fontsize=10)
    return axes


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
    places = _curriculum_places(lessons)
    for number, lesson in lessons.items():
        strong = number in written
        for need in lesson["needs"]:
            _arrow(ax, places[need], places[number], strong)
        _box(ax, places[number], f"{number} {lesson['name']}", strong)
    columns, rows = np.transpose(list(places.values()))
    ax.set(xlim=(-0.45, columns.max() + 0.45), ylim=(rows.max() + 0.5, 0))
    ax.set_axis_off()
    return ax


def _curriculum_places(lessons):
    """Finds a column and a row for each lesson, so that few arrows cross."""
    columns, places = {}, {}
    for number, lesson in lessons.items():
        column = 1 + max((places[need][0] for need in lesson["needs"]), default=-1)
        columns.setdefault(column, []).append(number)
        places[number] = (column, 0.0)
    tallest = max(map(len, columns.values()))
    for column, numbers in sorted(columns.items()):
        numbers.sort(key=lambda n: [places[need][1] for need in lessons[n]["needs"]])
        for row, number in enumerate(numbers):
            places[number] = (column, (row + 0.5) * tallest / len(numbers))
    return places


HALF_A_BOX = 0.37  # its width, where columns are 1 apart


def _arrow(ax, start, end, strong):
    """Draws an arrow from the right of one box to the left of another."""
    line = {"arrowstyle": "-|>", "color": "0.3" if strong else "0.75"}
    line |= {"shrinkA": 0, "shrinkB": 0}
    tail, head = (start[0] + HALF_A_BOX, start[1]), (end[0] - HALF_A_BOX, end[1])
    ax.annotate("", head, tail, arrowprops=line)


def _box(ax, place, text, strong):
    """Writes a text into a box, white on blue if it is strong, grey if not."""
    face, colour = (COLOURS[0], "white") if strong else ("0.94", "0.4")
    corner = (place[0] - HALF_A_BOX, place[1] - 0.3)
    box = Rectangle(corner, 2 * HALF_A_BOX, 0.6, facecolor=face, edgecolor="0.8")
    ax.add_patch(box)
    ax.text(*place, text, ha="center", va="center", fontsize=9, color=colour)


def layer_losses(layers, own, accumulated, ax=None):
    """Draws what each layer of a converted model loses, in order of execution.

    Args:
        layers: Names of the layers.
        own: Relative error of each, given what the original has before it: bars.
        accumulated: Relative error of each, after all layers before it: dots.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure(figsize=(7, 0.6 + 0.24 * len(layers))).subplots()
    rows = np.arange(len(layers))
    ax.barh(rows, 100 * np.asarray(own), color=COLOURS[0], label="lost by the layer")
    ax.plot(100 * np.asarray(accumulated), rows, "o", color=COLOURS[1], ms=5)
    ax.plot([], [], "o", color=COLOURS[1], label="lost up to here")
    ax.set_yticks(rows, layers, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("share of the signal (%)")
    ax.legend(fontsize=8)
    return ax


def size_and_latency(names, kilobytes, milliseconds, ax=None):
    """Draws each variant of a network by its size and its time, on log scales.

    Args:
        names: Names of the variants.
        kilobytes: Size of each file.
        milliseconds: Median, lower and upper quartile of each, shape `(N, 3)`.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for index, (name, size, (median, lower, upper)) in enumerate(
        zip(names, kilobytes, milliseconds, strict=True)
    ):
        round_, colour = divmod(index, len(COLOURS))
        marker = MARKERS[(index + round_) % len(MARKERS)]  # no pair of both twice
        style = {"color": COLOURS[colour], "marker": marker}
        spread = [[median - lower], [upper - median]]
        ax.errorbar([size], [median], yerr=spread, capsize=3, ls="", **style)
        ax.plot([], [], ls="", label=name, **style)  # the legend without a spread
    ax.set(xscale="log", yscale="log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    ax.set_xticks([100, 200, 400, 800])
    ax.set_xlim(min(kilobytes) / 1.2, max(kilobytes) * 1.2)
    ax.set(xlabel="size of the file (kB)", ylabel="time of one image (ms)")
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def trade_off(groups, ax=None):
    """Draws networks by cost and accuracy, and the front that nobody beats in both.

    Args:
        groups: A dict from a name to a pair of arrays `(N,)`: costs in any unit, and
            accuracies in [0, 1].
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for (name, (costs, accuracies)), color, marker in zip(
        groups.items(), COLOURS, MARKERS, strict=False
    ):
        style = {"color": color, "ms": 4, "alpha": 0.6, "label": name}
        ax.plot(costs, 100 * np.asarray(accuracies), marker, **style)
    costs, accuracies = np.concatenate([np.array(g) for g in groups.values()], axis=1)
    order = np.lexsort((-accuracies, costs))  # of equal cost the better one first
    best = 100 * np.maximum.accumulate(accuracies[order])
    ax.step(costs[order], best, where="post", color="0.3", lw=1, label="front")
    ax.set_ylabel("accuracy (%)")
    ax.legend(fontsize=8)
    return ax


def race(contestants, ax=None):
    """Draws accuracy over minutes, a line for each contestant with a marker an epoch.

    Args:
        contestants: A dict from a name to a pair of lists, one number an epoch: seconds
            since the start, and accuracies in [0, 1].
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    lines = zip(contestants.items(), _styles(contestants), strict=True)
    for (name, (seconds, accuracies)), style in lines:
        minutes, percent = np.array(seconds) / 60, 100 * np.array(accuracies)
        ax.plot(minutes, percent, ms=4, label=name, **style)
    ax.set(xlabel="minutes of training", ylabel="test accuracy (%)", xlim=(0, None))
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def trainings(machines, ax=None):
    """Draws trainings by their seconds, on a log scale, and what they reach.

    Args:
        machines: A dict from a machine, which has a marker of its own, to a dict from
            the name of a training, written beside it, to a pair of sequences `(N,)`,
            one number a seed: seconds, and accuracies in [0, 1].
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    lines = zip(machines.items(), _styles(machines), strict=True)
    for (machine, groups), style in lines:
        style |= {"mfc": "none", "ls": ""}
        ax.plot([], [], label=machine, **style)
        for name, (seconds, accuracies) in groups.items():
            percent = 100 * np.asarray(accuracies)
            ax.plot(seconds, percent, **style)
            place = 1.15 * max(seconds), np.mean(percent)
            ax.annotate(name, place, va="center", fontsize=8)
    ax.set(xscale="log", xlabel="seconds of training", ylabel="test accuracy (%)")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlim(right=8 * ax.get_xlim()[1])  # names stand on the right
    ax.legend(fontsize=8)
    return ax


def speeds(dials, figure=None):
    """Draws images a second over the settings of one dial, a panel a dial.

    Args:
        dials: A dict from a dial's name to a dict from a setting to the images a
            second of its turns: dots, and a bar as high as their median.
        figure: Figure to draw into, a new one by default.

    Returns:
        An array of Axes.
    """
    figure = figure or plt.figure(figsize=(7, 2.6))
    widths = [1 + len(settings) for settings in dials.values()]
    axes = figure.subplots(1, len(dials), sharey=True, width_ratios=widths)
    for ax, (name, settings) in zip(np.atleast_1d(axes), dials.items(), strict=True):
        for place, turns in enumerate(settings.values()):
            ax.bar(place, np.median(turns), color=COLOURS[0], alpha=0.4)
            ax.plot(np.full(len(turns), place), turns, "o", color=COLOURS[0], ms=2)
        ax.set_xticks(range(len(settings)), settings, rotation=90, fontsize=8)
        ax.set_title(name, fontsize=9)
    np.atleast_1d(axes)[0].set_ylabel("images a second")
    return np.atleast_1d(axes)


def steps_of_channels(steps, ax=None):
    """Draws how many steps of a common scale each channel reaches, on a log scale.

    Args:
        steps: Largest value of each channel divided by the scale, shape `(C,)`. A
            channel below one half is rounded to 0 as a whole.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure(figsize=(7, 2.6)).subplots()
    ordered = np.sort(steps)[::-1]
    is_lost = ordered < 0.5
    for chosen, colour, label in (
        (~is_lost, COLOURS[0], "kept"),
        (is_lost, COLOURS[1], "rounded to 0 as a whole"),
    ):
        if chosen.any():
            ax.bar(np.flatnonzero(chosen), ordered[chosen], color=colour, label=label)
    ax.axhline(0.5, color="0.3", ls="--", lw=1, label="half a step")
    floor = np.clip(0.7 * ordered[-1], 0.01, 0.25)  # a silent channel has no bar
    ax.set(yscale="log", ylim=(floor, None), xticks=[])
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="channels, the largest first", ylabel="largest value (steps)")
    if is_lost.any():
        ax.legend(fontsize=8)
    return ax


def embedding(places, labels, classes, ax=None):
    """Draws a map of items, one colour and marker a class.

    The figure carries the legend, beneath all its axes.

    Args:
        places: Where each item lies, shape `(N, 2)`.
        labels: Class numbers, shape `(N,)`.
        classes: Names of the classes.
        ax: Axes to draw into, new ones by default.

    Returns:
        The Axes.
    """
    ax = ax or plt.figure().subplots()
    for number, name in enumerate(classes):
        round_, colour = divmod(number, len(COLOURS))
        style = {"color": COLOURS[colour], "marker": MARKERS[(colour + 3 * round_) % 7]}
        ax.plot(
            *places[labels == number].T, ls="", ms=4, alpha=0.7, label=name, **style
        )
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color="0.7")
    if not ax.figure.legends:
        handles, names = ax.get_legend_handles_labels()
        place = {"loc": "outside lower center", "ncols": 5}
        ax.figure.legend(handles, names, fontsize=8, **place)
    return ax
