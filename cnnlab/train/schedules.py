"""Learning rates that change during training.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: rising and falling rate, Smith & Topin 2019, https://arxiv.org/abs/1708.07120
"""

import keras
from keras import ops


def plateau_and_stop(plateau_patience=5, stop_patience=15):
    """Returns the two callbacks of the recipe, both looking at validation only.

    The rate is halved, down to 1e-7, when the validation loss has not fallen for
    `plateau_patience` epochs. Training ends when validation accuracy has not risen
    for `stop_patience` epochs; the best epoch's weights are restored either way.

    Args:
        plateau_patience: Epochs without a lower loss before the rate is halved.
        stop_patience: Epochs without a higher accuracy before training ends.

    Returns:
        A list of `keras.callbacks.ReduceLROnPlateau` and `EarlyStopping`.
    """
    return [
        keras.callbacks.ReduceLROnPlateau(
            monitor="val_loss", factor=0.5, patience=plateau_patience, min_lr=1e-7
        ),
        keras.callbacks.EarlyStopping(
            monitor="val_accuracy", patience=stop_patience, restore_best_weights=True
        ),
    ]


@keras.saving.register_keras_serializable(package="cnnlab")
class Triangle(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises along a line, then falls along one until the last step.

    Args:
        peak: Highest rate.
        num_steps: Steps of the whole training, at least 1.
        start: Rate at the first step, as a share of the highest.
        peak_at: When the rate is highest, as a share of the training in (0, 1).
        end: Rate when all steps are done, as a share of the highest.

    Raises:
        ValueError: If `num_steps` or `peak_at` is out of its range.
    """

    def __init__(self, peak, num_steps, start=0.2, peak_at=0.23, end=0.07):
        if num_steps < 1 or not 0 < peak_at < 1:
            raise ValueError(
                "`num_steps` must be at least 1 and `peak_at` between 0 and 1. "
                f"Received: num_steps={num_steps}, peak_at={peak_at}"
            )
        self.peak, self.num_steps = peak, num_steps
        self.start, self.peak_at, self.end = start, peak_at, end

    def __call__(self, step):
        done = ops.cast(step, "float32") / self.num_steps
        rising = self.start + (1 - self.start) * done / self.peak_at
        falling = 1 - (1 - self.end) * (done - self.peak_at) / (1 - self.peak_at)
        return self.peak * ops.minimum(rising, ops.maximum(falling, self.end))

    def get_config(self):
        return dict(vars(self))
