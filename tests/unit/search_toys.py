"""A search whose trials cost nothing: a formula stands for the training."""

from types import SimpleNamespace

import keras_tuner
import numpy as np
import scipy.optimize

from cnnlab.search import folder, oracles
from cnnlab.search.tuners import Search

IMAGES = np.zeros((4, 2, 2, 1), "float32")
SET = IMAGES, np.arange(4)
ORACLES = {
    "random": lambda: oracles.RandomSearchOracle(seed=1, max_trials=3),
    "Bayesian": lambda: oracles.BayesianOptimizationOracle(
        seed=1, max_trials=3, num_initial_points=1
    ),
    "Hyperband": lambda: oracles.HyperbandOracle(seed=1, max_epochs=2, factor=2),
}


class Line(keras_tuner.HyperModel):
    """A space of one number."""

    input_shape, num_classes = (2, 2, 1), 4

    def __init__(self, high=1.0):
        super().__init__()
        self.high = high

    def build(self, hp):
        hp.Float("x", 0.0, self.high)

    def describe(self):
        return {"high": self.high}

    def caption(self, values):
        return f"x {values['x']:.2f}"


class Formula(Search):
    """Runs `outcome(x)` in place of a training, and writes down which trials it ran."""

    def __init__(self, oracle, directory, hypermodel=None, outcome=lambda x: x - x * x):
        self.outcome, self.ran = outcome, []
        super().__init__(oracle, hypermodel or Line(), directory)

    def run_trial(self, trial, *arguments, **options):
        self.ran.append(trial.trial_id)
        found = self.outcome(trial.hyperparameters.get("x"))
        return found if isinstance(found, dict) else {"score": found}

    def go(self):
        self.search(SET, SET, epochs=None if self.sets_epochs else 1)
        return self


def outcome(directory):
    """What was tried in a folder, in order, and what came of it."""
    trials = folder.read_trials(directory)
    return [(trial["values"], trial["status"], trial["score"]) for trial in trials]


def ended(directory):
    """The numbers of the trials that have ended."""
    trials = folder.read_trials(directory)
    return {trial["trial"] for trial in trials if trial["status"] in folder.ENDED}


def end_before_file(number, end, set_attribute=setattr):
    """Calls `end` before the file of this number is written; counts the files."""
    written = []

    def write(path, content, write=folder.write):
        written.append(path)
        if len(written) == number:
            end()
        write(path, content)

    set_attribute(folder, "write", write)
    return written


def make_hasty(set_attribute=setattr):
    """The optimum of a Gaussian process is looked for in seconds; then no more."""
    kind = oracles.BayesianOptimizationOracle
    make = kind._make_gpr

    def make_hastily(oracle):
        return make(oracle).set_params(n_restarts_optimizer=0, optimizer=None)

    def look_at_one_point(function, x0, **options):
        return SimpleNamespace(x=x0, fun=function(x0))

    set_attribute(kind, "_make_gpr", make_hastily)
    set_attribute(scipy.optimize, "minimize", look_at_one_point)
