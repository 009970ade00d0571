"""Trains each of the 256 networks of `cnnlab.search.tiny`, with two seeds.

    CNNLAB_DATA=... python -m experiments tiny_networks
    CNNLAB_DATA=... python -m experiments tiny_latency

`tiny_networks` takes CIFAR-10 at half its height and width. Every run tells the
validation accuracy after each epoch and the test accuracy after the last; whoever
searches looks at the validation accuracies alone. Beside them stand two numbers that
cost no training, computed from the initial weights and one batch of training images.
About an hour of one core.

`tiny_latency` adds what each architecture takes as a float32 TFLite model, one image on
one thread: the median of its calls in interleaved rounds. It wants an idle machine.
"""

import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np

from cnnlab.search.tiny import architectures, tiny_cnn
from experiments import images as image_sets
from experiments import latencies
from experiments.harness import Experiment
from experiments.rows import cost_columns, history_columns

BUDGET = {
    "num_train": 3_000,
    "num_val": 2_000,
    "num_test": 5_000,
    "pixels": 16,
    "epochs": 8,
    "batch_size": 100,
    "learning_rate": 3e-3,  # of AdamW at the start; a cosine takes it to 0
}
SEEDS = range(2)
NUM_PROXY = 64  # training images in the batch for the proxies


@functools.cache
def load():
    """Returns training, validation and test set at half size, and what they are."""
    return image_sets.of_budget("cifar10", BUDGET)


def activation_score(model, images):
    """Returns how differently a network's ReLUs treat images, before any training.

    Two images that switch on the same units look alike to the network. The score is the
    logarithm of the determinant of the matrix of agreements.
    Source: Mellor et al. 2021, section 3, https://arxiv.org/abs/2006.04647
    """
    relus = [x.output for x in model.layers if isinstance(x, keras.layers.Activation)]
    maps = keras.Model(model.input, relus)(images)
    switched = [np.reshape(x, (len(images), -1)) > 0 for x in maps]
    on = np.concatenate(switched, axis=1).astype("float64")
    agreements = on @ on.T + (1 - on) @ (1 - on).T
    return float(np.linalg.slogdet(agreements)[1])


def gradient_norm(model, images, labels):
    """Returns the length of the loss's gradient at the initial weights.

    Source: Abdelfattah et al. 2021, section 3.1, https://arxiv.org/abs/2101.08134
    """
    import tensorflow as tf

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        value = loss(labels, model(images, training=True))
    gradients = tape.gradient(value, model.trainable_weights)
    return float(tf.linalg.global_norm(gradients))


def run(arm, seed):
    """Trains one architecture with one seed; returns its row as a dict."""
    (images, labels), val_set, test_set, _ = load()
    epochs, batch_size = BUDGET["epochs"], BUDGET["batch_size"]
    keras.utils.set_random_seed(seed)
    model = tiny_cnn(tuple(arm.split()))
    batch = images[:NUM_PROXY], labels[:NUM_PROXY]
    proxies = {
        "activation_score": round(activation_score(model, batch[0]), 3),
        "gradient_norm": round(gradient_norm(model, *batch), 4),
    }
    rate = keras.optimizers.schedules.CosineDecay(
        BUDGET["learning_rate"], epochs * len(images) // batch_size
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    started = time.process_time()
    history = model.fit(
        images,
        labels,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=val_set,
        validation_batch_size=500,
        verbose=0,
    ).history
    seconds = time.process_time() - started
    _, test_accuracy = model.evaluate(*test_set, batch_size=500, verbose=0)
    curve = history_columns({"val_accuracy": history["val_accuracy"]})
    return {
        "test_accuracy": round(test_accuracy, 6),
        "val_accuracy": curve["history_val_accuracy"][-1],
        **curve,
        "core_seconds": round(seconds, 1),
        **proxies,
    }


def costs():
    """Returns parameters and multiply-accumulates of every architecture."""
    return [{"arm": " ".join(x), **cost_columns(tiny_cnn(x))} for x in architectures()]


def time_networks():
    """Times one image through each architecture."""
    models = ((" ".join(each), tiny_cnn(each)) for each in architectures())
    return latencies.measure(models, load()[0][0][:1])


# In this order a record that is cut short still covers the whole space.
ORDER = np.random.default_rng(0).permutation(len(architectures()))
TRAININGS = Experiment(
    name="tiny_networks",
    question="how good every one of 256 tiny networks is, and what it costs",
    run=run,
    data=lambda: load()[-1],
    budget=BUDGET,
    arms=[" ".join(architectures()[place]) for place in ORDER],
    seeds=SEEDS,
    minutes=30,
    costs=costs,
    packages=("keras", "tensorflow", "numpy"),
)
LATENCY = Experiment(
    name="tiny_latency",
    question="how long one image takes through each of `tiny_networks`",
    run=time_networks,
    budget={"pixels": BUDGET["pixels"]},
    minutes=2,
    record="tiny_networks",
    kind="latency",
    packages=("ai-edge-litert", "tensorflow"),
    alone=True,
)
