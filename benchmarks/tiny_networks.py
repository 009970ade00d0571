"""Trains each of the 256 networks of `cnnlab.search.tiny`, with two seeds.

    CNNLAB_DATA=... python benchmarks/tiny_networks.py train
    python benchmarks/tiny_networks.py latency

`train` takes CIFAR-10 at half its height and width. Every run tells the validation
accuracy after each epoch and the test accuracy after the last; whoever searches looks
at the validation accuracies alone. Beside them stand two numbers that cost no
training, computed from the initial weights and one batch of training images. Every
finished run is written at once to data/records/tiny_networks.json, and a second start
goes on from there; about an hour of one core.

`latency` adds what each architecture takes as a float32 TFLite model, one image on one
thread: the median of its calls in interleaved rounds. It wants an idle machine.
"""

import argparse
import functools
import time

from cnnlab.start import quiet_start

quiet_start()

import images as image_sets
import keras
import latencies
import numpy as np
import record
import workers

from cnnlab.evaluate.cost import multiply_accumulates
from cnnlab.search.tiny import architectures, tiny_cnn

NAME = "tiny_networks"
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
    relus = [x.output for x in model.layers if isinstance(x, keras.layers.ReLU)]
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


def run(architecture, seed):
    """Trains one architecture with one seed; returns its row as a dict."""
    (images, labels), val_set, test_set, _ = load()
    epochs, batch_size = BUDGET["epochs"], BUDGET["batch_size"]
    keras.utils.set_random_seed(seed)
    model = tiny_cnn(architecture)
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
    return {
        "architecture": " ".join(architecture),
        "seed": seed,
        "val_accuracy": record.rounded(history)["val_accuracy"],
        "test_accuracy": round(test_accuracy, 6),
        "core_seconds": round(seconds, 1),
        **proxies,
    }


def costs():
    """Returns parameters and multiply-accumulates of every architecture."""
    models = {" ".join(each): tiny_cnn(each) for each in architectures()}
    return {
        name: {
            "parameters": model.count_params(),
            "multiply_accumulates": multiply_accumulates(model),
        }
        for name, model in models.items()
    }


def train():
    """Completes the record."""
    content = record.begun(
        NAME,
        load()[-1],
        BUDGET,
        **record.conditions("keras", "tensorflow", "numpy"),
        costs=costs(),
    )
    # In this order a record that is cut short still covers the whole space.
    order = np.random.default_rng(0).permutation(len(architectures()))
    jobs = [(architectures()[place], seed) for seed in SEEDS for place in order]
    workers.complete(
        NAME,
        content,
        run,
        jobs,
        lambda row: (tuple(row["architecture"].split()), row["seed"]),
    )


def latency():
    """Adds to a whole record how long one image takes through each architecture."""
    models = ((" ".join(each), tiny_cnn(each)) for each in architectures())
    latencies.add(NAME, models, load()[0][0][:1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("leg", choices=["train", "latency"])
    {"train": train, "latency": latency}[parser.parse_args().leg]()
