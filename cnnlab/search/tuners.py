"""A search by KerasTuner that outlives its process and shows its progress.

KerasTuner proposes networks, keeps their weights and shares trials among processes.
Here is what version 1.4.8 leaves open: it goes on in a folder that holds the search of
another space; it sets no seed for the weights; it prints a page for each trial and a
traceback for each that fails; one process does not find what several have begun; and a
process that waits for others asks the chief again without a pause.

Taught in notebooks/09_architecture_search.ipynb.
Source: several processes, https://keras.io/keras_tuner/guides/distributed_tuning/
"""

import contextlib
import gc
import io
import logging
import time
from pathlib import Path

import keras
import keras_tuner
import keras_tuner.src.config

from cnnlab.search import folder
from cnnlab.search.oracles import HyperbandOracle, Resumable

keras_tuner.src.config.DEBUG = False  # no traceback on screen: the trial keeps it
WIDTH = 88  # of the line of progress


class Search(keras_tuner.Hyperband):
    """A KerasTuner tuner for each of the three oracles of `cnnlab.search.oracles`.

    It is opened and started by the same lines the first time and every other time. What
    is finished stays finished; a trial that was cut short is run anew. Where the three
    environment variables of KerasTuner are set, several processes share the search.

    Args:
        oracle: One of `cnnlab.search.oracles`: the strategy.
        hypermodel: A `cnnlab.search.hypermodel.ConvolutionalSpace`, or another
            `keras_tuner.HyperModel` with `describe`, `caption`, `input_shape` and
            `num_classes`.
        directory: Folder of this search alone; several machines must share it.

    Raises:
        ValueError: If the oracle is not one of these, or the folder holds a search of
            another space or strategy, or one that is not of cnnlab.
    """

    def __init__(self, oracle, hypermodel, directory):
        if not isinstance(oracle, Resumable):
            raise ValueError(
                "`oracle` must be one of cnnlab.search.oracles, which survive a kill. "
                f"Received: {type(oracle).__module__}.{type(oracle).__name__}"
            )
        self.folder = Path(directory).resolve()  # "." has no name for KerasTuner
        self.seed, self.wanted_trials = oracle.seed, oracle.max_trials
        self.sets_epochs = isinstance(oracle, HyperbandOracle)
        self.strategy = oracle.settings["strategy"]
        self.waiting = False  # for a trial
        folder.agree(
            self.folder, "search", {**oracle.settings, **hypermodel.describe()}
        )
        place = {"directory": self.folder.parent, "project_name": self.folder.name}
        with contextlib.redirect_stdout(io.StringIO()):  # where it reloads from
            # Hyperband would make an oracle of its own
            super(keras_tuner.Hyperband, self).__init__(oracle, hypermodel, **place)

    def search(self, train_set, val_set, *, epochs=None, batch_size=128):
        """Runs the trials that are left, with a line of progress for each.

        Args:
            train_set: `(images, labels)`, NumPy arrays of the shapes `(N, H, W, C)` and
                `(N,)`, labels as class numbers.
            val_set: `(images, labels)` of the validation split.
            epochs: Epochs of each trial; Hyperband sets them itself.
            batch_size: Images in one step.

        Raises:
            ValueError: If images or labels do not fit the space, `epochs` is missing or
                in the way, or the folder's search has other images, epochs or batches.
            RuntimeError: If three trials in a row failed; started once more, the search
                tries the last of them again.
        """
        for images, labels in (train_set, val_set):
            self._check_images(images, labels)
        self._check_epochs(epochs)
        training = {"epochs": epochs, "batch_size": batch_size}
        training["training images"] = folder.fingerprint(*train_set)
        training["validation images"] = folder.fingerprint(*val_set)
        folder.agree(self.folder, "training", training)
        self._show_ended()
        options = {"validation_data": val_set, "batch_size": batch_size, "verbose": 0}
        if epochs:
            options["epochs"] = epochs
        with _quiet_tracing(), _little_garbage():
            super().search(*train_set, **options)

    def _check_images(self, images, labels):
        shape = tuple(self.hypermodel.input_shape)
        if (
            images.shape[1:] != shape
            or labels.shape != (len(images),)
            or not labels.size
        ):
            raise ValueError(
                f"There must be images of shape {shape}, and one label for each. "
                f"Received: images {images.shape}, labels {labels.shape}"
            )
        num_classes = self.hypermodel.num_classes
        if labels.min() < 0 or labels.max() >= num_classes:
            raise ValueError(
                f"Labels must be class numbers below {num_classes}. "
                f"Received: {labels.min()} to {labels.max()}"
            )

    def _check_epochs(self, epochs):
        if self.sets_epochs != (epochs is None) or (epochs is not None and epochs < 1):
            raise ValueError(
                "Pass `epochs`, 1 or more, with every strategy but Hyperband, which "
                f"sets them. Received: epochs={epochs} with {self.strategy}"
            )

    # What KerasTuner calls

    def run_trial(self, trial, *arguments, **options):
        keras.utils.set_random_seed(1_000 * self.seed + int(trial.trial_id))
        return super().run_trial(trial, *arguments, **options)

    def pre_create_trial(self):
        if self.waiting:  # the last question brought no trial
            time.sleep(0.5)
        self.waiting = True

    def on_trial_begin(self, trial):
        self.waiting = False
        self.epochs, self.started = [], time.process_time()
        super().on_trial_begin(trial)

    def on_epoch_end(self, trial, model, epoch, logs=None):
        if logs:
            self.epochs.append({key: float(value) for key, value in logs.items()})
            accuracy = self.epochs[-1].get("val_accuracy", float("nan"))
            text = f"epoch {epoch + 1}  validation {accuracy:.3f}"
            self._show(trial, text, end="")

    def on_trial_end(self, trial):
        report = {
            "epochs": self.epochs,
            "core_seconds": round(time.process_time() - self.started, 2),
            "message": trial.message,  # the chief is not told
        }
        folder.write(Path(self.get_trial_dir(trial.trial_id), "report.json"), report)
        super().on_trial_end(trial)
        self._show(trial, self._outcome(self.oracle.get_trial(trial.trial_id), report))

    def save(self):
        """Saves the oracle: a tuner has no state of its own."""
        if not self._is_worker():
            self.oracle.save()

    def reload(self):
        if not self._is_worker():
            self.oracle.reload()

    def _get_tuner_fname(self):
        """What tells that there is a search: alone or with workers, it is the same."""
        return str(self.folder / "oracle.json")

    # What is shown

    def _show_ended(self):
        states = [trial["status"] for trial in folder.read_trials(self.folder)]
        ended = sum(status in folder.ENDED for status in states)
        if ended and not self._is_worker():
            print(f"The search goes on: {ended} trials have ended already.")

    def _outcome(self, trial, report):
        words = self.hypermodel.caption(trial.hyperparameters.values)
        if trial.status != "COMPLETED":
            error = (report["message"] or "no score").strip().splitlines()[-1]
            return f"failed, {error}  {words}"
        if trial.metrics.exists("diverged"):
            return f"diverged  {words}"
        if trial.score < 0:
            cost = trial.metrics.get_last_value("cost")
            return f"over budget, {cost:.4g} {self.hypermodel.budget.name}  {words}"
        return f"{trial.score:.3f}  {words}"

    def _show(self, trial, text, end="\n"):
        of = f"/{self.wanted_trials}" if self.wanted_trials else ""
        line = f"trial {int(trial.trial_id) + 1}{of}: {text}"
        print(f"\r{line[:WIDTH]:{WIDTH}}", end=end, flush=True)


@contextlib.contextmanager
def _quiet_tracing():
    """Silences TensorFlow's warning that each network is traced anew."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def _little_garbage():
    """Lets KerasTuner, which collects garbage twice a trial, look at its own alone."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
