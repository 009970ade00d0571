"""What int8 costs a pretrained mobile network, and what training for int8 brings back.

    CNNLAB_DATA=... python benchmarks/quantize_aware.py cifar10
    CNNLAB_DATA=... python benchmarks/quantize_aware.py scenes

The network is the beginning of MobileNetV2 with its ImageNet weights, fine-tuned. It is
quantised as it is; fine-tuned on as a folded float network, then quantised (the fair
comparison); and fine-tuned equally long with the roundings in it. Each of them with one
scale for each channel of a kernel, and with one for the whole kernel. No epoch is
chosen; the rate was, on validation; the test set is read once a network. The float
network of seed 0 is committed as data/checkpoints/mobilenet_start_<set>.keras with its
card. Each finished run is written at once to data/records/quantize_aware_<set>.json,
and a second start goes on.
"""

import argparse
import functools
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

from cnnlab.doctor import quiet_start

quiet_start()

import keras
import numpy as np
import record
import workers
from keras import layers

from cnnlab.data import cifar10, scenes
from cnnlab.evaluate import accuracy
from cnnlab.lite.convert import convert
from cnnlab.lite.interpreter import predict
from cnnlab.quantize_aware.fold import fold_batch_normalization
from cnnlab.quantize_aware.model import quantize_aware
from cnnlab.train import split, train

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
BUILT = record.ROOT / "build" / "checkpoints"
COMMITTED = record.ROOT / "data" / "checkpoints"


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


@functools.cache
def load(name):
    """Returns training, validation and test sets and what they are."""
    sizes = {
        "num_train": BUDGET["num_train"] + BUDGET["num_val"],
        "num_test": BUDGET["num_test"],
    }
    if name == "cifar10":
        train_set, test_set, data = cifar10.load("local", **sizes)
    else:
        train_set, test_set, data = scenes.load("embedded", **sizes)
    return *split(*train_set, num_val=BUDGET["num_val"]), test_set, data


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
    rounded = {key: [round(v, 6) for v in values] for key, values in history.items()}
    return {"history": rounded, "seconds": round(time.perf_counter() - started)}


def measure(model, name, scales):
    """Returns what a network and its int8 forms answer on the test set."""
    (images_train, _), _, (images, labels), _ = load(name)
    has_ranges = any("range" in layer.name for layer in model.layers)
    shown = None if has_ranges else images_train[: BUDGET["num_representative"]]
    logits = model.predict(images, batch_size=500, verbose=0)
    result = {"test_accuracy": accuracy(logits, labels)}
    for kind in scales:
        scores = predict(
            convert(model, "int8", shown, per_channel=SCALES[kind]), images
        )
        result[f"int8_{kind}"] = {
            "test_accuracy": accuracy(scores, labels),
            "agreement": float(np.mean(scores.argmax(-1) == logits.argmax(-1))),
        }
    return result


def run(name, seed):
    """Trains one seed in all forms and returns the results as a dict."""
    keras.utils.set_random_seed(seed)
    model = mobilenet_start()
    label = f"seed {seed}"
    trained = fit(model, name, BUDGET["epochs"], f"{label}, float")
    BUILT.mkdir(parents=True, exist_ok=True)
    bare = keras.models.clone_model(model)  # without the optimiser's state
    bare.set_weights(model.get_weights())
    bare.save(BUILT / f"mobilenet_start_{name}_seed_{seed}.keras")
    result = {"seed": seed, "parameters": model.count_params()}
    result["trained"] = trained | measure(model, name, SCALES)
    forms = {
        "control": (fold_batch_normalization(model), SCALES),
        **{
            f"aware_{kind}": (quantize_aware(model, per_channel=per_channel), [kind])
            for kind, per_channel in SCALES.items()
        },
    }
    for form, (network, scales) in forms.items():
        keras.utils.set_random_seed(seed)
        epochs = BUDGET["epochs_of_fine_tuning"]
        tuned = fit(network, name, epochs, f"{label}, {form}")
        result[form] = tuned | measure(network, name, scales)
    return result


def card(name, content, data, path):
    """Returns the page that says where the committed weights come from."""
    found = [run["trained"] for run in content["runs"]]
    accuracies = [run["test_accuracy"] for run in found]
    mean, deviation = np.mean(accuracies), np.std(accuracies, ddof=1)
    rows = {
        "SHA-256": f"`{hashlib.sha256(path.read_bytes()).hexdigest()}`",
        "network": f"MobileNetV2 0.35 up to `{LAST}`, its first stride 1, then average"
        f" pooling and a dense layer; {content['runs'][0]['parameters']:,} parameters:"
        " images 32x32x3 in [0, 1] to 10 logits",
        "begun from": f"ImageNet weights `{WEIGHTS}` of keras.applications, Apache-2.0,"
        f" `{content['weights']}`",
        "classes": ", ".join(data.classes),
        "data": f"{data.name} ({data.source}), checksum `{data.checksum}`",
        "licence of the data": data.licence,
        "images": f"{BUDGET['num_train']:,} for training, {BUDGET['num_val']:,} for"
        f" validation, {BUDGET['num_test']:,} for the test",
        "recipe": f"AdamW, batch {BUDGET['batch_size']}, {BUDGET['epochs']} epochs,"
        f" rate {BUDGET['rate']} falling to 0 as a cosine, normalisation frozen",
        "accuracy on the test set": f"these weights (seed 0) {accuracies[0]:.1%};"
        f" {len(accuracies)} seeds {mean:.1%} ± {deviation:.1%}",
        "limits": "made for lesson 15, to be quantised: int8 with one scale for a whole"
        " kernel ruins it",
        "licence of the weights": "Apache-2.0, as those it was begun from",
    }
    lines = [f"| {key} | {value} |" for key, value in rows.items()]
    return "\n".join(
        [f"# {path.name}", "", "| what | |", "|---|---|", *lines, ""]
        + [f"Made by `python benchmarks/quantize_aware.py {name}`.", ""]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=("cifar10", "scenes"))
    name = parser.parse_args().data
    data = load(name)[-1]
    recorded = f"quantize_aware_{name}"
    fresh = {
        "data": {"name": data.name, "source": data.source},
        "checksum": data.checksum,
        "weights": f"sha256:{hashlib.sha256(weights().read_bytes()).hexdigest()}",
        "budget": BUDGET,
        **record.conditions("keras", "tensorflow", "ai-edge-litert", "numpy"),
        "runs": [],
    }
    content = record.read(recorded) or fresh
    for key in ("budget", "checksum", "weights", "versions"):
        if content[key] != fresh[key]:
            sys.exit(f"{recorded}.json was written with another {key}: {content[key]}")
    finished = {run["seed"] for run in content["runs"]}
    jobs = [(name, seed) for seed in SEEDS if seed not in finished]
    for result in workers.side_by_side(run, jobs):
        content["runs"].append(result)
        content["runs"].sort(key=lambda run: run["seed"])
        record.write(recorded, content)
    COMMITTED.mkdir(parents=True, exist_ok=True)
    path = COMMITTED / f"mobilenet_start_{name}.keras"
    shutil.copyfile(BUILT / f"mobilenet_start_{name}_seed_0.keras", path)
    path.with_suffix(".md").write_text(card(name, content, data, path))


if __name__ == "__main__":
    main()
