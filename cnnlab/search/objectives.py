"""What a search maximises: validation accuracy, within a budget if there is one.

A budget is any cost that a function tells of an untrained network:
multiply-accumulates, or milliseconds measured on the device that is meant. It is asked
before training, and a network over budget is not trained: its score is negative, the
nearer to 0 the less it exceeds. So whatever keeps to the budget is ahead of whatever
does not, and a strategy that learns from scores still learns which way is cheaper.

Taught in notebooks/09_architecture_search.ipynb.
Source: latency in the objective, Tan et al. 2019, section 3,
    https://arxiv.org/abs/1807.11626; feasible before infeasible, Deb 2000,
    https://doi.org/10.1016/S0045-7825(99)00389-8
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
import keras_tuner
import numpy as np

OBJECTIVE = keras_tuner.Objective("score", "max")


class Budget(NamedTuple):
    """The most that a network may cost.

    Attributes:
        name: What is counted, with its unit, such as "milliseconds".
        limit: The most that is allowed, greater than 0.
        cost: Function from an untrained `keras.Model` to a number.
    """

    name: str
    limit: float
    cost: Callable


def score(model, budget, *arguments, callbacks=(), **options):
    """Trains a network as its budget allows, and tells what it is worth.

    The last epoch counts, not the best: nothing is selected among epochs, and the
    weights that KerasTuner keeps are those that were scored. A network whose loss is no
    number any more has diverged and scores 0, which is worse than guessing. A cost that
    is no number keeps to no budget, and its score is no number: the trial fails.

    Args:
        model: A compiled `keras.Model` with the metric `accuracy`.
        budget: A `Budget`, or None.
        arguments: Of `model.fit`.
        callbacks: Those of KerasTuner among them, which keep the weights.
        options: Of `model.fit`; `validation_data` must be among them.

    Returns:
        A dict: `score`, and where they apply `cost` and `diverged`.
    """
    found = {} if budget is None else {"cost": float(budget.cost(model))}
    if budget is not None and not found["cost"] <= budget.limit:
        _keep_weights(model, callbacks)
        return {"score": budget.limit / found["cost"] - 1, **found}
    callbacks = [*callbacks, StopWhenDiverged()]
    history = model.fit(*arguments, callbacks=callbacks, **options).history
    if not np.isfinite([history["loss"][-1], history["val_loss"][-1]]).all():
        return {"score": 0.0, "diverged": 1.0, **found}
    return {"score": float(history["val_accuracy"][-1]), **found}


class StopWhenDiverged(keras.callbacks.Callback):
    """Ends a training whose loss is no number; Keras' own callback prints a line."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training |= not np.isfinite(logs["loss"])


def _keep_weights(model, callbacks):
    """Lets KerasTuner keep a network that is not trained: Hyperband asks for it."""
    keras.callbacks.CallbackList(list(callbacks), model=model).on_epoch_end(0, {})
