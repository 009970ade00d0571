"""Which network do three strategies find at equal cost, and does a hand do as well?

    CNNLAB_DATA=... WORKERS=1 python -m experiments architecture_search
    CNNLAB_DATA=... python -m experiments architecture_latency

`architecture_search` searches the space of `cnnlab.search.hypermodel` on CIFAR-10 at
half its height and width, by random search, Bayesian optimisation and Hyperband, three
seeds each. Cost is counted in epochs: the number is fixed beforehand, it is what
Hyperband itself deals out, and no busy machine changes it; processor seconds stand
beside it. One iteration of Hyperband takes 75 epochs; the other two get eight trials of
nine epochs, that is 72.

The winner of a search has the highest validation accuracy. It is read once on the test
set, as it came out of the search; then it is trained twice more with other seeds, which
tells how much of its lead was its design. Beside them stands the modern CNN, designed
by hand, at two learning rates that were fixed beforehand.

The record was made with earlier oracles of cnnlab. KerasTuner's own propose the same
networks where they draw at random. Weights were then seeded trial by trial, and are
seeded once a search now, so new scores differ from the recorded ones as seeds do.

A search that was cut short goes on in build/architecture_search; about 70 minutes of
one core. `architecture_latency` adds what each network takes as a float32 TFLite model,
one image on one thread, all networks in interleaved rounds. It wants an idle machine.
"""

import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import keras_tuner

from cnnlab.models.modern_cnn import modern_cnn
from cnnlab.search import hypermodel
from cnnlab.search.budget import OBJECTIVE
from cnnlab.search.pitfalls import report_exhausted_space, spaced_seeds
from experiments import images, latencies
from experiments.conditions import ROOT
from experiments.harness import Experiment, read_rows
from experiments.rows import cost_columns, history_columns

BUDGET = {
    "num_train": 2_000,
    "num_val": 1_500,
    "num_test": 5_000,
    "pixels": 16,
    "batch_size": 50,
    "epochs": 9,  # of a whole trial
    "factor": 3,  # of Hyperband
    "trials": 8,  # of the other two
    "initial_points": 3,  # random ones, before the Gaussian process is asked
}
SEEDS = (1, 2, 3)
STRATEGIES = {  # name: a tuner, but for what is searched, objective, seed and folder
    "random": functools.partial(keras_tuner.RandomSearch, max_trials=BUDGET["trials"]),
    "Bayesian": functools.partial(
        keras_tuner.BayesianOptimization,
        max_trials=BUDGET["trials"],
        num_initial_points=BUDGET["initial_points"],
    ),
    "Hyperband": functools.partial(
        keras_tuner.Hyperband, max_epochs=BUDGET["epochs"], factor=BUDGET["factor"]
    ),
}
COMBINATIONS = sum(8**blocks for blocks in range(2, 6)) * 2 * 5  # gates, dropout
RATES = {"modern CNN, 0.001": 1e-3, "modern CNN, 0.003": 3e-3}  # of AdamW; they stay
AGAIN = (11, 12)  # seeds of the winner's further trainings
INPUT_SHAPE = (BUDGET["pixels"], BUDGET["pixels"], 3)
FOLDER = ROOT / "build" / "architecture_search"


@functools.cache
def load():
    """Returns training, validation and test set at half size, and what they are."""
    return images.of_budget("cifar10", BUDGET)


class Recorded(keras_tuner.HyperModel):
    """The space that is searched; every trial keeps its history and its seconds."""

    def build(self, hp):
        return hypermodel.build(hp, INPUT_SHAPE)

    def fit(self, hp, model, *arguments, **options):
        """Trains a network; its score is the validation accuracy of the last epoch."""
        started = time.process_time()
        accuracies = model.fit(*arguments, **options).history["val_accuracy"]
        first = options.get("initial_epoch", 0)
        return {
            "score": accuracies[-1],
            "core_seconds": time.process_time() - started,
            **{f"epoch_{n}": value for n, value in enumerate(accuracies, first)},
        }


def build(values):
    """Builds the network of a trial from what was chosen."""
    choice = keras_tuner.HyperParameters()
    choice.values = dict(values)
    return hypermodel.build(choice, INPUT_SHAPE)


def fitted(model):
    """Trains a compiled network for all epochs and tests it; returns a dict."""
    train_set, val_set, *_ = load()
    started = time.process_time()
    history = model.fit(
        *train_set,
        validation_data=val_set,
        epochs=BUDGET["epochs"],
        batch_size=BUDGET["batch_size"],
        verbose=0,
    ).history
    curve = history_columns({"val_accuracy": history["val_accuracy"]})
    return {
        "val_accuracy": curve["history_val_accuracy"][-1],
        "test_accuracy": tested(model),
        "core_seconds": round(time.process_time() - started, 1),
        **curve,
    }


def tested(model):
    """Returns a network's accuracy on the test set."""
    _, accuracy = model.evaluate(*load()[2], batch_size=500, verbose=0)
    return round(accuracy, 6)


def run(arm, seed):
    """Does one job: a search by a strategy, or a training of the modern CNN."""
    return searched(arm, seed) if arm in STRATEGIES else by_hand(arm, seed)


def by_hand(arm, seed):
    """Trains the modern CNN at one of the two rates."""
    keras.utils.set_random_seed(seed)
    model = modern_cnn(INPUT_SHAPE)
    model.compile(
        optimizer=keras.optimizers.AdamW(RATES[arm]),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return fitted(model)


def searched(arm, seed):
    """Searches, or goes on with a search; then trains the winner again.

    Returns:
        A row of kind "trial" for each trial, one of the winner as it came out, and one
        of kind "retraining" for each of its further trainings.
    """
    train_set, val_set, *_ = load()
    keras.utils.set_random_seed(seed)
    tuner = STRATEGIES[arm](
        Recorded(),
        objective=OBJECTIVE,
        seed=spaced_seeds(seed)[-1],
        directory=FOLDER,
        project_name=f"{arm}-{seed}",
    )
    tuner.search(
        *train_set,
        validation_data=val_set,
        epochs=BUDGET["epochs"],  # Hyperband sets its own
        batch_size=BUDGET["batch_size"],
        verbose=0,
    )
    report_exhausted_space(tuner)
    (winner,) = tuner.oracle.get_best_trials()
    rows = [trial_columns(trial) for _, trial in sorted(tuner.oracle.trials.items())]
    won = {"trial": int(winner.trial_id), "val_accuracy": winner.score}
    rows.append({**won, "test_accuracy": tested(tuner.get_best_models()[0])})
    for other in AGAIN:
        keras.utils.set_random_seed(other)
        again = fitted(build(winner.hyperparameters.values))
        rows.append({"kind": "retraining", "retraining_seed": other, **again})
    return rows


def trial_columns(trial):
    """Returns what the record keeps of a trial."""
    values, metrics = trial.hyperparameters.values, trial.metrics
    epochs = [f"epoch_{n}" for n in range(BUDGET["epochs"])]
    curve = [metrics.get_last_value(name) for name in epochs if metrics.exists(name)]
    seconds = metrics.get_last_value("core_seconds") if curve else None
    return {
        "kind": "trial",
        "trial": int(trial.trial_id),
        "network": hypermodel.name_architecture(values),
        **values,
        "status": trial.status,
        "score": trial.score,
        **history_columns({"val_accuracy": curve}),
        "core_seconds": seconds and round(seconds, 2),
        **cost_columns(build(values)),
    }


def costs():
    """Returns the parameters and multiply-accumulates of the network made by hand."""
    return [{"arm": "modern CNN", **cost_columns(modern_cnn(INPUT_SHAPE))}]


def time_networks():
    """Times one image through each network of a whole record."""
    trials = [row for row in read_rows("architecture_search") if row["kind"] == "trial"]
    choices = {row["network"]: row for row in trials}
    models = [("modern CNN", modern_cnn(INPUT_SHAPE))]
    models += [(name, build(values)) for name, values in sorted(choices.items())]
    return latencies.measure(models, load()[0][0][:1])


SEARCHES = Experiment(
    name="architecture_search",
    question="which network three strategies find at equal cost",
    run=run,
    data=lambda: load()[-1],
    budget=BUDGET | {"combinations": COMBINATIONS},
    arms=(*STRATEGIES, *RATES),
    seeds=SEEDS,
    minutes=35,
    costs=costs,
    packages=("keras", "keras-tuner", "tensorflow", "numpy"),
)
LATENCY = Experiment(
    name="architecture_latency",
    question="how long one image takes through each network of `architecture_search`",
    run=time_networks,
    minutes=1,
    record="architecture_search",
    kind="latency",
    packages=("ai-edge-litert", "tensorflow"),
    alone=True,
)
