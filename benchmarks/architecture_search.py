"""Which network do three strategies find at equal cost, and does a hand do as well?

    CNNLAB_DATA=... WORKERS=1 python benchmarks/architecture_search.py train
    python benchmarks/architecture_search.py latency

`train` searches the space of `cnnlab.search.hypermodel` on CIFAR-10 at half its height
and width, by random search, Bayesian optimisation and Hyperband, three seeds each. Cost
is counted in epochs: the number is fixed beforehand, it is what Hyperband itself deals
out, and no busy machine changes it; processor seconds stand beside it. One iteration of
Hyperband takes 75 epochs; the other two get eight trials of nine epochs, that is 72.

The winner of a search has the highest validation accuracy. It is read once on the test
set, as it came out of the search; then it is trained twice more with other seeds, which
tells how much of its lead was its design. Beside them stands the modern CNN, designed
by hand, at two learning rates that were fixed beforehand.

Every finished search is written at once to data/records/architecture_search.json, one
that was cut short goes on in build/architecture_search; about 70 minutes of one core.

`latency` adds what each network takes as a float32 TFLite model, one image on one
thread, all networks in interleaved rounds. It wants an idle machine.
"""

import argparse
import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import images as image_sets
import keras
import keras_tuner
import latencies
import record
import workers

from cnnlab.evaluate.cost import multiply_accumulates
from cnnlab.models.modern_cnn import modern_cnn
from cnnlab.search import oracles
from cnnlab.search.folder import read_trials
from cnnlab.search.hypermodel import ConvolutionalSpace
from cnnlab.search.tuners import Search

NAME = "architecture_search"
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
STRATEGIES = {  # name: function from a seed to an oracle
    "random": lambda seed: oracles.RandomSearchOracle(
        seed=seed, max_trials=BUDGET["trials"]
    ),
    "Bayesian": lambda seed: oracles.BayesianOptimizationOracle(
        seed=seed,
        max_trials=BUDGET["trials"],
        num_initial_points=BUDGET["initial_points"],
    ),
    "Hyperband": lambda seed: oracles.HyperbandOracle(
        seed=seed, max_epochs=BUDGET["epochs"], factor=BUDGET["factor"]
    ),
}
RATES = {"modern CNN, 0.001": 1e-3, "modern CNN, 0.003": 3e-3}  # of AdamW; they stay
JOBS = [(name, seed) for seed in SEEDS for name in (*STRATEGIES, *RATES)]
AGAIN = (11, 12)  # seeds of the winner's further trainings
INPUT_SHAPE = (BUDGET["pixels"], BUDGET["pixels"], 3)
FOLDER = record.ROOT / "build" / NAME


@functools.cache
def load():
    """Returns training, validation and test set at half size, and what they are."""
    return image_sets.of_budget("cifar10", BUDGET)


def space():
    """Returns the space that is searched."""
    return ConvolutionalSpace(INPUT_SHAPE)


def build(values):
    """Builds the network of a trial from what was chosen."""
    choice = keras_tuner.HyperParameters()
    choice.values = dict(values)
    return space().build(choice)


def fitted(model, seed):
    """Trains a compiled network for all epochs and tests it; returns a dict."""
    train_set, val_set, test_set, _ = load()
    started = time.process_time()
    history = model.fit(
        *train_set,
        validation_data=val_set,
        epochs=BUDGET["epochs"],
        batch_size=BUDGET["batch_size"],
        verbose=0,
    ).history
    return {
        "seed": seed,
        "val_accuracy": record.rounded(history)["val_accuracy"],
        "test_accuracy": tested(model),
        "core_seconds": round(time.process_time() - started, 1),
    }


def tested(model):
    """Returns a network's accuracy on the test set."""
    _, accuracy = model.evaluate(*load()[2], batch_size=500, verbose=0)
    return round(accuracy, 6)


def run(name, seed):
    """Does one job: a search by a strategy, or a training of the modern CNN."""
    found = searched(name, seed) if name in STRATEGIES else by_hand(name, seed)
    return {"name": name, **found, "seed": seed}


def by_hand(name, seed):
    """Trains the modern CNN at one of the two rates."""
    keras.utils.set_random_seed(seed)
    model = modern_cnn(INPUT_SHAPE)
    model.compile(
        optimizer=keras.optimizers.AdamW(RATES[name]),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return fitted(model, seed)


def searched(name, seed):
    """Searches, or goes on with a search; then trains the winner again."""
    train_set, val_set, *_ = load()
    folder = FOLDER / f"{name}-{seed}"
    search = Search(STRATEGIES[name](seed), space(), folder)
    epochs = {} if name == "Hyperband" else {"epochs": BUDGET["epochs"]}
    search.search(train_set, val_set, batch_size=BUDGET["batch_size"], **epochs)
    (winner,) = search.oracle.get_best_trials()
    found = {
        "trials": [told(trial) for trial in read_trials(folder)],
        "winner": int(winner.trial_id),
        "test_accuracy": tested(search.get_best_models()[0]),
        "again": [],
    }
    for other in AGAIN:
        keras.utils.set_random_seed(other)
        again = fitted(build(winner.hyperparameters.values), other)
        found["again"].append(again)
    return found


def told(trial):
    """Returns what the record keeps of a trial."""
    model = build(trial["values"])
    return {
        "values": trial["values"],
        "status": trial["status"],
        "score": trial["score"],
        "val_accuracy": [round(epoch["val_accuracy"], 6) for epoch in trial["epochs"]],
        "core_seconds": trial["core_seconds"],
        "parameters": model.count_params(),
        "multiply_accumulates": multiply_accumulates(model),
    }


def train():
    """Completes the record."""
    hand = modern_cnn(INPUT_SHAPE)
    content = record.begun(
        NAME,
        load()[-1],
        BUDGET,
        **record.conditions("keras", "keras-tuner", "tensorflow", "numpy"),
        combinations=space().count(),
        by_hand={
            "parameters": hand.count_params(),
            "multiply_accumulates": multiply_accumulates(hand),
        },
    )
    workers.complete(NAME, content, run, JOBS, lambda row: (row["name"], row["seed"]))


def architecture(values):
    """Names what a trial's latency depends on: filters and gates."""
    return space().caption(values).partition(",")[0]


def latency():
    """Adds to a whole record how long one image takes through each network."""
    runs = record.read(NAME)["runs"]
    trials = [trial for row in runs for trial in row.get("trials", ())]
    choices = {architecture(each["values"]): each["values"] for each in trials}
    models = [("modern CNN", modern_cnn(INPUT_SHAPE))]
    models += [(name, build(values)) for name, values in sorted(choices.items())]
    latencies.add(NAME, models, load()[0][0][:1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("leg", choices=["train", "latency"])
    {"train": train, "latency": latency}[parser.parse_args().leg]()
