"""Does attention help a small network, or would its parameters serve better as width?

    CNNLAB_DATA=... KERAS_BACKEND=jax python benchmarks/attention_ablation.py train
    python benchmarks/attention_ablation.py latency

Two networks, each alone, with squeeze-and-excitation, with CBAM, and made wider until
it has the parameters of the one with CBAM, to 0.2 %. Every arm has the same images,
epochs, seeds and falling rate; the last epoch counts, so that nothing is selected, and
the test set is read once. Each finished run is written at once to
data/records/attention_ablation.json, and a second start goes on from there. With JAX
it trains on a GPU where there is one; TensorFlow on two cores takes an hour. `latency`
wants a machine that does nothing else; it times every arm in turn, several times over.

The reduction is 4 where the papers take 16: the blocks of their ResNet-50 have 256 to
2,048 channels and so 16 to 128 hidden units in the gate; ours have 16 to 128 channels,
of which 16 would leave 1 to 8 units, and 4 leaves 4 to 32.
"""

import argparse
import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import images
import keras
import record
import workers

from cnnlab.evaluate.classification import accuracy
from cnnlab.evaluate.cost import multiply_accumulates
from cnnlab.evaluate.latency import latency
from cnnlab.layers.cbam import cbam
from cnnlab.layers.squeeze_excite import squeeze_excite
from cnnlab.models.modern_cnn import modern_cnn
from cnnlab.models.resnet import resnet_small
from cnnlab.train.fit import train

NAME = "attention_ablation"
BUDGET = {
    "num_train": 20_000,
    "num_val": 2_500,
    "num_test": 10_000,
    "epochs": 6,
    "batch_size": 128,
    "learning_rate": 1e-3,  # of AdamW at the start; a cosine takes it to 0
    "reduction": 4,
}
SEEDS = range(3)
NETWORKS = {  # name: (function that builds it, filters of the wider one)
    "modern CNN": (modern_cnn, (33, 67, 131)),
    "ResNet-20": (resnet_small, (16, 33, 65)),
}
KINDS = {
    "alone": lambda wider: {},
    "SE": lambda wider: {"attention": reduced(squeeze_excite)},
    "CBAM": lambda wider: {"attention": reduced(cbam)},
    "wider": lambda wider: {"filters": wider},
}
ARMS = [(network, kind) for network in NETWORKS for kind in KINDS]
NUM_ROUNDS = 5  # of latency: every arm in turn
NUM_RUNS = 200  # images in a round


def reduced(block):
    """Returns an attention block with the budget's reduction."""
    return functools.partial(block, reduction=BUDGET["reduction"])


def build(network, kind):
    """Builds the network of one arm."""
    function, wider = NETWORKS[network]
    return function(**KINDS[kind](wider))


def load():
    """Returns training, validation and test sets and what they are."""
    return images.of_budget("cifar10", BUDGET)


def falling_rate():
    """Returns AdamW whose rate falls along a cosine to 0 at the last step."""
    steps = BUDGET["epochs"] * -(-BUDGET["num_train"] // BUDGET["batch_size"])
    rate = keras.optimizers.schedules.CosineDecay(BUDGET["learning_rate"], steps)
    return keras.optimizers.AdamW(rate)


def run(network, kind, seed):
    """Trains one arm with one seed and returns its result as a dict."""
    train_set, val_set, (images_test, labels_test), _ = load()
    keras.utils.set_random_seed(seed)
    model = build(network, kind)
    started = time.perf_counter()
    history = train(
        model,
        train_set,
        val_set,
        epochs=BUDGET["epochs"],
        batch_size=BUDGET["batch_size"],
        optimizer=falling_rate(),
        name=f"{network}, {kind}, seed {seed}",
    )
    seconds = time.perf_counter() - started
    logits = model.predict(images_test, batch_size=500, verbose=0)
    return {
        "network": network,
        "kind": kind,
        "seed": seed,
        "test_accuracy": accuracy(logits, labels_test),
        "seconds": round(seconds, 1),
        "history": record.rounded(history),
    }


def conditions():
    """Returns hardware, versions and commit."""
    return record.conditions("keras", keras.backend.backend(), "numpy")


def costs():
    """Returns the parameters and multiply-accumulates of every arm."""
    models = [(*arm, build(*arm)) for arm in ARMS]
    return [
        {
            "network": network,
            "kind": kind,
            "parameters": model.count_params(),
            "multiply_accumulates": multiply_accumulates(model),
        }
        for network, kind, model in models
    ]


def identify(run):
    """Returns the job whose result a run is."""
    return run["network"], run["kind"], run["seed"]


def time_arms():
    """Times a single image in every arm and adds the medians in milliseconds."""
    models = {arm: build(*arm) for arm in ARMS}
    medians = {arm: [] for arm in ARMS}
    for _ in range(NUM_ROUNDS):
        for arm, model in models.items():
            milliseconds = latency(model, num_runs=NUM_RUNS).median
            medians[arm].append(round(milliseconds, 3))
    content = record.read(NAME)
    content["latency"] = {
        **conditions(),
        "num_runs": NUM_RUNS,
        "arms": [
            {"network": network, "kind": kind, "milliseconds": values}
            for (network, kind), values in medians.items()
        ],
    }
    record.write(NAME, content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("leg", choices=("train", "latency"))
    if parser.parse_args().leg == "latency":
        time_arms()
        return
    data = load()[-1]
    content = record.begun(NAME, data, BUDGET, **conditions(), costs=costs())
    jobs = [(*arm, seed) for seed in SEEDS for arm in ARMS]
    workers.complete(NAME, content, run, jobs, identify)


if __name__ == "__main__":
    main()
