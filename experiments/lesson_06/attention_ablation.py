"""Does attention help a small network, or would its parameters serve better as width?

    CNNLAB_DATA=... KERAS_BACKEND=jax python -m experiments attention_ablation
    python -m experiments attention_latency

Two networks, each alone, with squeeze-and-excitation, with CBAM, and made wider until
it has the parameters of the one with CBAM, to 0.2 %. Every arm has the same images,
epochs, seeds and falling rate; the last epoch counts, so that nothing is selected, and
the test set is read once. With JAX it trains on a GPU where there is one; TensorFlow on
two cores takes an hour. `attention_latency` wants a machine that does nothing else; it
times every arm in turn, several times over.

The reduction is 4 where the papers take 16: the blocks of their ResNet-50 have 256 to
2,048 channels and so 16 to 128 hidden units in the gate; ours have 16 to 128 channels,
of which 16 would leave 1 to 8 units, and 4 leaves 4 to 32.
"""

import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import keras

from cnnlab.evaluate.classification import accuracy
from cnnlab.evaluate.latency import latency
from cnnlab.layers.cbam import cbam
from cnnlab.layers.squeeze_excite import squeeze_excite
from cnnlab.models.modern_cnn import modern_cnn
from cnnlab.models.resnet import resnet_small
from cnnlab.train.fit import train
from experiments import images
from experiments.harness import Experiment
from experiments.rows import cost_columns, history_columns

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
ARMS = [{"network": network, "arm": arm} for network in NETWORKS for arm in KINDS]
NUM_ROUNDS = 5  # of latency: every arm in turn
NUM_RUNS = 200  # images in a round


def reduced(block):
    """Returns an attention block with the budget's reduction."""
    return functools.partial(block, reduction=BUDGET["reduction"])


def build(network, arm):
    """Builds the network of one arm."""
    function, wider = NETWORKS[network]
    return function(**KINDS[arm](wider))


def load():
    """Returns training, validation and test sets and what they are."""
    return images.of_budget("cifar10", BUDGET)


def falling_rate():
    """Returns AdamW whose rate falls along a cosine to 0 at the last step."""
    steps = BUDGET["epochs"] * -(-BUDGET["num_train"] // BUDGET["batch_size"])
    rate = keras.optimizers.schedules.CosineDecay(BUDGET["learning_rate"], steps)
    return keras.optimizers.AdamW(rate)


def run(network, arm, seed):
    """Trains one arm with one seed and returns its result as a dict."""
    train_set, val_set, (images_test, labels_test), _ = load()
    keras.utils.set_random_seed(seed)
    model = build(network, arm)
    started = time.perf_counter()
    history = train(
        model,
        train_set,
        val_set,
        epochs=BUDGET["epochs"],
        batch_size=BUDGET["batch_size"],
        optimizer=falling_rate(),
        name=f"{network}, {arm}, seed {seed}",
    )
    seconds = time.perf_counter() - started
    logits = model.predict(images_test, batch_size=500, verbose=0)
    return {
        "test_accuracy": accuracy(logits, labels_test),
        "seconds": round(seconds, 1),
        **history_columns(history),
    }


def costs():
    """Returns the parameters and multiply-accumulates of every arm."""
    return [arm | cost_columns(build(arm["network"], arm["arm"])) for arm in ARMS]


def time_arms():
    """Times a single image in every arm, in turn; returns medians in milliseconds."""
    models = [build(arm["network"], arm["arm"]) for arm in ARMS]
    medians = [[] for _ in models]
    for _ in range(NUM_ROUNDS):
        for model, found in zip(models, medians, strict=True):
            found.append(round(latency(model, num_runs=NUM_RUNS).median, 3))
    return [
        {**arm, "milliseconds": found} for arm, found in zip(ARMS, medians, strict=True)
    ]


TRAININGS = Experiment(
    name="attention_ablation",
    question="whether attention or width is worth its parameters",
    run=run,
    data=lambda: load()[-1],
    budget=BUDGET,
    arms=ARMS,
    seeds=SEEDS,
    minutes=5,
    device="gpu",
    costs=costs,
    packages=("keras", keras.backend.backend(), "numpy"),
)
LATENCY = Experiment(
    name="attention_latency",
    question="how long one image takes through each arm of `attention_ablation`",
    run=time_arms,
    budget={"num_runs": NUM_RUNS},
    minutes=1,
    record="attention_ablation",
    kind="latency",
    packages=("keras", keras.backend.backend(), "numpy"),
    alone=True,
)
