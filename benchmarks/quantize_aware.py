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
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

from cnnlab.start import quiet_start

quiet_start()

import images
import keras
import numpy as np
import record
import workers
from keras import layers

from cnnlab.compress.quantize_aware.fold import fold_batch_normalization
from cnnlab.compress.quantize_aware.model import quantize_aware
from cnnlab.evaluate.classification import accuracy
from cnnlab.lite.convert import convert
from cnnlab.lite.interpreter import predict
from cnnlab.train.fit import train

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
        "history": record.rounded(history),
        "seconds": round(time.perf_counter() - started),
    }


def measure(model, name, scales):
    """Returns what a network and its int8 forms answer on the test set."""
    (images_train, _), _, (images_test, labels), _ = load(name)
    has_ranges = any("range" in layer.name for layer in model.layers)
    shown = None if has_ranges else images_train[: BUDGET["num_representative"]]
    logits = model.predict(images_test, batch_size=500, verbose=0)
    result = {"test_accuracy": accuracy(logits, labels)}
    for kind in scales:
        scores = predict(
            convert(model, "int8", shown, per_channel=SCALES[kind]), images_test
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


def facts(content, data):
    """Returns what the card of the committed weights says, as a dict."""
    found = [run["trained"] for run in content["runs"]]
    accuracies = [run["test_accuracy"] for run in found]
    mean, deviation = np.mean(accuracies), np.std(accuracies, ddof=1)
    return {
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=("cifar10", "scenes"))
    name = parser.parse_args().data
    data = load(name)[-1]
    recorded = f"quantize_aware_{name}"
    begun_from = f"sha256:{hashlib.sha256(weights().read_bytes()).hexdigest()}"
    libraries = record.conditions("keras", "tensorflow", "ai-edge-litert", "numpy")
    content = record.begun(recorded, data, BUDGET, weights=begun_from, **libraries)
    jobs = [(name, seed) for seed in SEEDS]
    workers.complete(recorded, content, run, jobs, lambda run: (name, run["seed"]))
    COMMITTED.mkdir(parents=True, exist_ok=True)
    path = COMMITTED / f"mobilenet_start_{name}.keras"
    if (built := BUILT / f"mobilenet_start_{name}_seed_0.keras").exists():
        shutil.copyfile(built, path)
    made = f"python benchmarks/quantize_aware.py {name}"
    record.write_card(path, facts(content, data), made)


if __name__ == "__main__":
    main()
