"""KerasTuner's three strategies, made to survive a kill.

KerasTuner 1.4.8 writes its files in place, and a trial and its own state one after the
other: a process killed in between leaves half a file, a trial that is run twice, or one
that is counted and never run. A Bayesian search that was interrupted goes on otherwise
than one that was not. Here it goes on the same, but for rounding: the optimum of a
Gaussian process is the same to about eight digits.

It takes seed 0 for no seed, and numbers its draws from the seed on: draw 5 of seed 1 is
draw 4 of seed 2. Searches with neighbouring seeds soon propose the same networks one
after the other, and their spread is no spread. Here seeds lie a million draws apart.

Taught in notebooks/09_architecture_search.ipynb.
Source: Hyperband, Li et al. 2018, https://jmlr.org/papers/v18/16-558.html; a Gaussian
    process for hyperparameters, Snoek et al. 2012, https://arxiv.org/abs/1206.2944
"""

import warnings
from pathlib import Path

import keras_tuner
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from cnnlab.search import folder
from cnnlab.search.objectives import OBJECTIVE

DRAWS_PER_SEED = 1_000_000


class Resumable:
    """What KerasTuner's oracles have in common here: they survive a kill.

    Args:
        seed: A positive integer.
        options: Numbers among those of the oracle of the same name in KerasTuner.

    Raises:
        ValueError: If the seed, `max_trials` or `hyperband_iterations` is not positive.
    """

    def __init__(self, *, seed, **options):
        if seed is None or seed < 1:
            raise ValueError(
                "`seed` must be 1 or more, for KerasTuner takes 0 as no seed. "
                f"Received: seed={seed}"
            )
        for name in ("max_trials", "hyperband_iterations"):
            if name in options and (options[name] is None or options[name] < 1):
                raise ValueError(
                    f"`{name}` must be 1 or more, for KerasTuner takes 0 as no end. "
                    f"Received: {name}={options[name]}"
                )
        super().__init__(OBJECTIVE, seed=seed, **options)
        self._seed_state = seed * DRAWS_PER_SEED
        options.pop("max_trials", None)  # a search may be made longer
        self.settings = {"strategy": type(self).__name__, "seed": seed, **options}

    def save(self):
        folder.write(self._get_oracle_fname(), self.get_state())

    def _save_trial(self, trial):
        path = Path(self._get_trial_dir(trial.trial_id), "trial.json")
        folder.write(path, trial.get_state())

    def reload(self):
        super().reload()
        for trial_id, trial in list(self.trials.items()):
            self._mend(trial_id, trial)

    def _mend(self, trial_id, trial):
        """Brings a trial into line with an oracle that was saved before or after it."""
        if trial.status in folder.ENDED:
            if trial_id in self._retry_queue:
                self._retry_queue.remove(trial_id)
            if trial_id not in self.end_order:
                self.end_order.append(trial_id)
        elif trial_id in self.start_order:  # begun: it is run anew, from nothing
            trial.metrics = type(trial.metrics)()
        else:  # proposed and not begun: the oracle will propose it again
            del self.trials[trial_id]


class RandomSearchOracle(Resumable, keras_tuner.oracles.RandomSearchOracle):
    """Proposes networks at random, `max_trials` of them."""


class BayesianOptimizationOracle(
    Resumable, keras_tuner.oracles.BayesianOptimizationOracle
):
    """Proposes what a Gaussian process, fitted to all scores so far, thinks promising.

    It takes scores to be exact (`alpha`), which those of trainings are not. The first
    `num_initial_points` are random: by default three for each choice of the space, and
    fewer trials than that are a random search.
    """

    def populate_space(self, trial_id):
        self._random_state = np.random.RandomState([self.seed, int(trial_id)])
        with warnings.catch_warnings():  # a fit to few trials seldom converges
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().populate_space(trial_id)


class HyperbandOracle(Resumable, keras_tuner.oracles.HyperbandOracle):
    """Trains many networks briefly and promotes the best; see `brackets`."""


def brackets(max_epochs, factor=3):
    """Lists what one iteration of KerasTuner's Hyperband does.

    Args:
        max_epochs: Epochs of the networks that get furthest, 1 or more.
        factor: One network in `factor`, 2 or more, is promoted to `factor` times the
            epochs.

    Returns:
        A list of brackets in their order; a bracket is a list of rounds `(trials,
        first_epoch, last_epoch)`: that many networks go on from the first to the last.

    Raises:
        ValueError: If `factor` is below 2.
    """
    oracle = keras_tuner.oracles.HyperbandOracle(max_epochs=max_epochs, factor=factor)
    plan = []
    for bracket in reversed(range(oracle._get_num_brackets())):
        ends = [0] + [oracle._get_epochs(bracket, n) for n in range(bracket + 1)]
        sizes = [oracle._get_size(bracket, n) for n in range(bracket + 1)]
        plan.append(list(zip(sizes, ends[:-1], ends[1:])))
    return plan
