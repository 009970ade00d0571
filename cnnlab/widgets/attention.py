"""An explorer of attention: which positions and channels a gate opens for an image.

Taught in notebooks/06_attention_se_cbam.ipynb.
Source of the gates: Woo et al. 2018, section 3, https://arxiv.org/abs/1807.06521. A
map of gates shows what a block lets through, not why the network decides.
"""

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from cnnlab import figures
from cnnlab.widgets.display import figure_explorer

DIMMEST = 0.12  # light left on an image where the gate is least open
PANELS = [["image", "gate", "lit"], ["channels"] * 3]
PLACES = {"left": 0.09, "right": 0.99, "top": 0.94, "bottom": 0.07}  # of the figure
PLACES |= {"wspace": 0.05, "hspace": 0.3, "height_ratios": (3, 2)}
TITLES = {"image": "image", "lit": "image lit by the gates"}


def attention_explorer(
    images, channel_gates, spatial_gates, titles=None, in_browser=None
):
    """Lets a learner choose an image and a block, and see what its gates open for.

    Args:
        images: Shape `(N, H, W, 3)`, values in [0, 1].
        channel_gates: A list of arrays, one a block: `(N, C)` or, as a layer returns
            them, `(N, 1, 1, C)`, values in [0, 1].
        spatial_gates: A list of arrays, one a block: `(N, h, w)` or `(N, h, w, 1)`,
            where `h` and `w` may be smaller than the image.
        titles: A text for each image.
        in_browser: Whether widgets can run; None asks the kernel.

    Returns:
        A display object: the explorer, or a picture of its first state.

    Raises:
        ValueError: If the lists differ in length, or an array in its number of images.
    """
    images = np.asarray(images)
    blocks = _blocks(len(images), channel_gates, spatial_gates)
    titles = [""] * len(images) if titles is None else titles
    names = [f"{i} {title}".strip() for i, title in enumerate(titles, 1)]
    knobs = {"image": (names, names[0])}
    if len(blocks) > 1:
        knobs["block"] = (range(1, len(blocks) + 1), 1)
    return figure_explorer(partial(draw, images, blocks, names), knobs, in_browser)


def _blocks(num_images, channel_gates, spatial_gates):
    """Pairs the gates of each block, shapes `(N, C)` and `(N, h, w)`."""
    counts = [len(gates) for gates in (*channel_gates, *spatial_gates)]
    if len(channel_gates) != len(spatial_gates) or {*counts} != {num_images}:
        raise ValueError(
            "`channel_gates` and `spatial_gates` must be lists of equal length, one "
            f"array a block, each with {num_images} images. Received: "
            f"{len(channel_gates)} and {len(spatial_gates)} arrays with {counts} images"
        )
    return [
        (
            np.reshape(channels, (num_images, -1)),
            np.reshape(positions, positions.shape[:3]),
        )
        for channels, positions in zip(channel_gates, spatial_gates, strict=True)
    ]


def lit(image, gates, lowest, highest):
    """Dims an image where its gates are little open.

    Args:
        image: Shape `(H, W, 3)`.
        gates: Shape `(h, w)`; each lies over its share of the pixels.
        lowest: Gate at which hardly any light is left.
        highest: Gate at which all light is left.

    Returns:
        An image, shape `(H, W, 3)`.
    """
    rows, columns = (
        np.arange(size) * gate_size // size
        for size, gate_size in zip(image.shape, gates.shape, strict=False)
    )
    share = (gates - lowest) / max(highest - lowest, 1e-9)
    light = DIMMEST + (1 - DIMMEST) * share[np.ix_(rows, columns)]
    return image * light[..., None]


def draw(images, blocks, names, image, block=1):
    """Draws an image, its gates in space, both together, and its channels' gates."""
    row, (channels, positions) = names.index(image), blocks[block - 1]
    gates, scale = positions[row], (positions.min(), positions.max())
    figure = Figure(figsize=(7, 4.1), layout="none")  # to lay it out takes too long
    axes = figure.subplot_mosaic(PANELS, gridspec_kw=PLACES)
    axes["image"].imshow(images[row])
    axes["gate"].imshow(gates, vmin=scale[0], vmax=scale[1])
    axes["lit"].imshow(lit(images[row], gates, *scale))
    reach = f"from {gates.min():.2f} to {gates.max():.2f}"
    for name, title in {**TITLES, "gate": f"gates {reach}"}.items():
        axes[name].set_axis_off()
        axes[name].set_title(title, loc="center")
    mean = channels.mean(0)
    _channels(axes["channels"], channels[row], mean, (channels.min(), channels.max()))
    most = np.argmax(abs(channels[row] - mean))
    text = (
        f"Image {image}, block {block}: gates in space lie {reach}. Of {mean.size} "
        f"channels, number {most + 1} differs most from its mean over all images: "
        f"its gate is {channels[row, most]:.2f} instead of {mean[most]:.2f}."
    )
    return figures.describe(figure, text)


def _channels(ax, gates, mean, limits):
    """Draws how far each channel's gate lies above or below its mean."""
    order = np.argsort(-mean)
    gates, mean, edges = gates[order], mean[order], np.arange(mean.size + 1) + 0.5
    for side, colour, label in (
        (np.maximum, figures.COLOURS[0], "more open than on average"),
        (np.minimum, figures.COLOURS[4], "less open"),
    ):
        reached = side(gates, mean)
        style = {"fill": True, "color": colour, "label": label}
        ax.stairs(reached, edges, baseline=mean, **style)
    ax.stairs(mean, edges, baseline=None, color="0.15", label="mean of all images")
    margin = max(0.05 * np.ptp(limits), 0.01)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(limits[0] - margin, limits[1] + margin))
    ax.set(xlabel="channels, the most open on average first", ylabel="gate", xticks=[])
    ax.legend(fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
