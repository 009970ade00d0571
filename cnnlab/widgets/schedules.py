"""An explorer of learning-rate schedules: how large each step of training is.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Sources: cosine, Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983; one-cycle,
Smith & Topin 2018, https://arxiv.org/abs/1708.07120
"""

import numpy as np
from matplotlib.figure import Figure

from cnnlab import figures
from cnnlab.widgets.display import figure_explorer

NAMES = ["constant", "halved three times", "cosine", "one-cycle"]
KNOBS = {
    "schedule": (NAMES, "cosine"),
    "peak_in_thousandths": (range(1, 21), 10),
    "warm_up_in_percent": (range(0, 51, 5), 10),
}


def schedule_explorer(in_browser=None):
    """Lets a learner choose a schedule, its highest rate and its warm-up.

    Args:
        in_browser: Whether widgets can run; None asks the kernel.

    Returns:
        A display object: the explorer, or a picture of its first state.
    """
    return figure_explorer(draw, KNOBS, in_browser)


def rates(schedule, progress, peak, warm_up):
    """Computes the learning rate along a training.

    Args:
        schedule: One of `NAMES`. "one-cycle" falls in a line, as it rose.
        progress: Array of shares of the training that are done, in [0, 1].
        peak: Highest rate.
        warm_up: Share of the training, below 1, in which the rate rises to `peak`.

    Returns:
        Rates, in the shape of `progress`.
    """
    since = np.clip((progress - warm_up) / (1 - warm_up), 0, 1)  # after the warm-up
    falls = {
        "constant": np.ones_like(since),
        "halved three times": 0.5 ** np.minimum(np.floor(4 * since), 3),
        "cosine": (1 + np.cos(np.pi * since)) / 2,
        "one-cycle": 1 - since,
    }
    rises = progress / warm_up if warm_up else np.ones_like(progress)
    return peak * np.where(progress < warm_up, rises, falls[schedule])


def draw(schedule, peak_in_thousandths, warm_up_in_percent):
    """Draws the rate over the training."""
    progress = np.linspace(0, 1, 401)
    peak, warm_up = peak_in_thousandths / 1000, warm_up_in_percent / 100
    values = rates(schedule, progress, peak, warm_up)
    figure = Figure(figsize=(7, 2.8))
    ax = figure.subplots()
    ax.plot(100 * progress, values, color=figures.COLOURS[0])
    ax.axvspan(0, 100 * warm_up, color="0.92", lw=0)
    ax.set(xlabel="training done (%)", ylabel="learning rate", ylim=(0, 0.021))
    text = (
        f"{schedule}, warm-up {warm_up:.0%}: the rate starts at {values[0]:.4f}, "
        f"reaches {values.max():.4f} and ends at {values[-1]:.4f}; "
        f"its mean is {values.mean():.4f}."
    )
    return figures.describe(figure, text)
