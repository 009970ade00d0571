"""Searches that take no time: a function of the hyperparameters stands for a trial."""

import keras_tuner

OBJECTIVE = keras_tuner.Objective("score", "max")


def one_number(hp):
    """A space of one number between 0 and 1, which is its own score."""
    return hp.Float("x", 0.0, 1.0)


class FunctionTrial:
    """Runs `trial(hp)` where a tuner would build and train a network of `space`."""

    def __init__(self, *, space=one_number, trial=None, **options):
        self.trial, self.ran = trial or space, []
        super().__init__(hypermodel=space, objective=OBJECTIVE, **options)

    def run_trial(self, trial, *arguments, **options):
        self.ran.append(trial.trial_id)
        return self.trial(trial.hyperparameters)

    def values(self, name):
        """What each trial chose for one hyperparameter, in order."""
        return [self.oracle.trials[key].hyperparameters.get(name) for key in self.ran]


class Random(FunctionTrial, keras_tuner.RandomSearch):
    """Random search."""


class Hyperband(FunctionTrial, keras_tuner.Hyperband):
    """Hyperband."""
