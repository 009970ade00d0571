"""Callbacks that report a training: a line on the screen, times in the history."""

import time

import keras


class EpochTimes(keras.callbacks.Callback):
    """Adds each epoch's `seconds` and `learning_rate` to the history of `fit`."""

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        logs.update(seconds=time.perf_counter() - self.started, learning_rate=rate)


class Progress(keras.callbacks.Callback):
    """Rewrites one line with the epoch, the accuracies and the time that is left.

    Args:
        name: What the line calls the run.
        costs: What each epoch costs, in any unit, where they differ or a training takes
            several calls of `fit`; one line then tells of all of them.
    """

    def __init__(self, name="", costs=None):
        super().__init__()
        self.name, self.costs, self.spent = name, costs, 0

    def on_train_begin(self, logs=None):
        if self.costs is None or not self.spent:
            self.started, self.spent = time.perf_counter(), 0

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        costs = self.costs or [1] * self.params["epochs"]
        done, epochs = epoch + 1, len(costs)
        self.spent += costs[epoch]  # `fit` need not begin with the first epoch
        left = (now - self.started) / self.spent * sum(costs[done:])
        self.is_last = done == epochs
        validation = logs.get("val_accuracy")
        print(
            f"\r{self.name}: epoch {done}/{epochs}  training {logs['accuracy']:.3f}",
            "" if validation is None else f" validation {validation:.3f}",
            f" {left:4.0f} s left",
            end="",
            flush=True,
        )

    def on_train_end(self, logs=None):
        if self.is_last or self.model.stop_training:
            print(flush=True)
