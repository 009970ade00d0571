"""What int8 costs a pretrained mobile network, and what training for int8 brings back.

    CNNLAB_DATA=... python -m experiments quantize_aware_cifar10
    CNNLAB_DATA=... python -m experiments quantize_aware_scenes

The network is the beginning of MobileNetV2 with its ImageNet weights, fine-tuned. It is
quantised as it is; fine-tuned on as a folded float network, then quantised (the fair
comparison); and fine-tuned equally long with the roundings in it. Each of them with one
scale for each channel of a kernel, and with one for the whole kernel. No epoch is
chosen; the rate was, on validation; the test set is read once a network. The float
network of seed 0 is committed as data/checkpoints/mobilenet_start_<set>.keras with its
card.
"""

import functools
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np
from keras import layers

from cnnlab.compress.quantize_aware.fold import fold_batch_normalization
from cnnlab.compress.quantize_aware.model import quantize_aware
from cnnlab.evaluate.classification import accuracy
from cnnlab.lite.convert import convert
from cnnlab.lite.interpreter import predict
from cnnlab.train.fit import train
from experiments import images
from experiments.cards import write_accuracy, write_card
from experiments.conditions import ROOT
from experiments.harness import Experiment
from experiments.rows import history_columns

BUDGET = {
    "num_train": 8_000,
    "num_val": 2_000,
    "num_test": 5_000,
    "epochs": 8,
    "epochs_of_fine_tuning": 4,
    "batch_size": 64,
    "rate": 1e-3,
    "num_representative": 200,
}
SCALES = {"channel": True, "tensor": False}
SEEDS = range(3)
LAST = "block_6_expand_relu"
WEIGHTS = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
BUILT = ROOT / "build" / "checkpoints"
COMMITTED = ROOT / "data" / "checkpoints"


def weights():
    """Returns the path of the ImageNet weights."""
    path = Path(os.environ.get("CNNLAB_DATA", "")) / "keras" / "models" / WEIGHTS
    if not path.exists():
        sys.exit(f"CNNLAB_DATA must hold keras/models/{WEIGHTS}. Received: {path}")
    return path


def mobilenet_start():
    """Builds MobileNetV2 0.35 up to its sixth block, for images of 32x32 pixels.

    Its first convolution keeps every pixel, where the original keeps every second.
    Normalisation stays frozen, as usual in fine-tuning.
    """
    images = keras.Input((32, 32, 3))
    whole = keras.applications.MobileNetV2(
        input_tensor=layers.Rescaling(2.0, -1.0)(images),
        alpha=0.35,
        include_top=False,
        weights=str(weights()),
    )
    x = layers.GlobalAveragePooling2D()(whole.get_layer(LAST).output)
    strided = keras.Model(images, layers.Dense(10, name="logits")(x))
    model = keras.models.clone_model(strided, clone_function=_unstrided)
    model.set_weights(strided.get_weights())
    for layer in model.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    return model


def _unstrided(layer):
    changes = {"strides": 1} if layer.name == "Conv1" else {}
    return type(layer).from_config({**layer.get_config(), **changes})


def load(name):
    """Returns training, validation and test sets and what they are."""
    return images.of_budget(name, BUDGET)


def fit(model, name, epochs, label):
    """Trains with a rate that falls to zero; returns history and seconds."""
    train_set, val_set, *_ = load(name)
    steps = epochs * -(-len(train_set[0]) // BUDGET["batch_size"])
    rate = keras.optimizers.schedules.CosineDecay(BUDGET["rate"], steps)
    started = time.perf_counter()
    history = train(
        model,
        train_set,
        val_set,
        epochs=epochs,
        batch_size=BUDGET["batch_size"],
        optimizer=keras.optimizers.AdamW(rate),
        name=f"{name}, {label}",
    )
    return {
        **history_columns(history),
        "seconds": round(time.perf_counter() - started),
    }


def measure(model, name, scales):
    """Returns rows of what a network and its int8 forms answer on the test set."""
    (images_train, _), _, (images_test, labels), _ = load(name)
    has_ranges = any("range" in layer.name for layer in model.layers)
    shown = None if has_ranges else images_train[: BUDGET["num_representative"]]
    logits = model.predict(images_test, batch_size=500, verbose=0)
    rows = [{"form": "float", "test_accuracy": accuracy(logits, labels)}]
    for kind in scales:
        flatbuffer = convert(model, "int8", shown, per_channel=SCALES[kind])
        scores = predict(flatbuffer, images_test)
        same = float(np.mean(scores.argmax(-1) == logits.argmax(-1)))
        found = {"test_accuracy": accuracy(scores, labels), "agreement": same}
        rows.append({"form": f"int8 per {kind}", **found, "seconds": None})
    return rows


def run(name, seed):
    """Trains one seed in all forms and returns their rows."""
    keras.utils.set_random_seed(seed)
    model = mobilenet_start()
    label = f"seed {seed}"
    trained = fit(model, name, BUDGET["epochs"], f"{label}, float")
    BUILT.mkdir(parents=True, exist_ok=True)
    bare = keras.models.clone_model(model)  # without the optimiser's state
    bare.set_weights(model.get_weights())
    bare.save(BUILT / f"mobilenet_start_{name}_seed_{seed}.keras")
    found = {"trained": measure(model, name, SCALES)}
    found["trained"][0] |= trained
    networks = {"control": (fold_batch_normalization(model), SCALES)}
    for kind, per_channel in SCALES.items():
        aware = quantize_aware(model, per_channel=per_channel)
        networks[f"aware per {kind}"] = aware, [kind]
    for arm, (network, scales) in networks.items():
        keras.utils.set_random_seed(seed)
        epochs = BUDGET["epochs_of_fine_tuning"]
        tuned = fit(network, name, epochs, f"{label}, {arm}")
        found[arm] = measure(network, name, scales)
        found[arm][0] |= tuned
    begun_from = f"sha256:{hashlib.sha256(weights().read_bytes()).hexdigest()}"
    size = {"parameters": model.count_params(), "weights": begun_from}
    return [{"arm": arm, **row, **size} for arm, rows in found.items() for row in rows]


def facts(runs, data):
    """Returns what the card of the committed weights says, as a dict."""
    return {
        "network": f"MobileNetV2 0.35 up to `{LAST}`, its first stride 1, then average"
        f" pooling and a dense layer; {runs[0]['parameters']:,} parameters:"
        " images 32x32x3 in [0, 1] to 10 logits",
        "begun from": f"ImageNet weights `{WEIGHTS}` of keras.applications, Apache-2.0,"
        f" `{runs[0]['weights']}`",
        "classes": ", ".join(data.classes),
        "data": f"{data.name} ({data.source}), checksum `{data.checksum}`",
        "licence of the data": data.licence,
        "images": f"{BUDGET['num_train']:,} for training, {BUDGET['num_val']:,} for"
        f" validation, {BUDGET['num_test']:,} for the test",
        "recipe": f"AdamW, batch {BUDGET['batch_size']}, {BUDGET['epochs']} epochs,"
        f" rate {BUDGET['rate']} falling to 0 as a cosine, normalisation frozen",
        "accuracy on the test set": write_accuracy(runs),
        "limits": "made for lesson 15, to be quantised: int8 with one scale for a whole"
        " kernel ruins it",
        "licence of the weights": "Apache-2.0, as those it was begun from",
    }


def finish(name, rows):
    """Commits the weights of seed 0, with their card."""
    runs = [r for r in rows if (r["arm"], r["form"]) == ("trained", "float")]
    path = COMMITTED / f"mobilenet_start_{name}.keras"
    if (built := BUILT / f"mobilenet_start_{name}_seed_0.keras").exists():
        shutil.copyfile(built, path)
    made = f"python -m experiments quantize_aware_{name}"
    write_card(path, facts(runs, load(name)[-1]), made)


COMMON = {
    "budget": BUDGET,
    "seeds": SEEDS,
    "minutes": 10,
    "packages": ("keras", "tensorflow", "ai-edge-litert", "numpy"),
}
CIFAR10 = Experiment(
    name="quantize_aware_cifar10",
    question="what int8 costs a mobile network, and what training for it brings back",
    run=functools.partial(run, "cifar10"),
    data=lambda: load("cifar10")[-1],
    finish=functools.partial(finish, "cifar10"),
    **COMMON,
)
SCENES = Experiment(
    name="quantize_aware_scenes",
    question="the same on Scenes",
    run=functools.partial(run, "scenes"),
    data=lambda: load("scenes")[-1],
    finish=functools.partial(finish, "scenes"),
    **COMMON,
)
