"""Makes the model that ships: the modern CNN in int8, with all that it must know.

    CNNLAB_DATA=... python -m experiments.lesson_15.ship_modern_cnn

Reads data/checkpoints/modern_cnn_cifar10.keras, learns the ranges of the activations
from training images, and holds the result against the float network over the whole
test set. What loses too much is not written; else the model and its card are, beside
the weights: `cnnlab classify` answers pictures with it.
"""

import hashlib
import sys

from cnnlab.start import quiet_start

quiet_start()

import keras
import numpy as np

from cnnlab.evaluate.classification import accuracy
from cnnlab.lite.convert import convert
from cnnlab.lite.interpreter import predict
from cnnlab.lite.package import pack
from cnnlab.lite.preprocessing import Preprocessing
from experiments.cards import write_card
from experiments.conditions import ROOT, conditions
from experiments.lesson_02.modern_cnn_checkpoint import COMMITTED, load

WEIGHTS = COMMITTED / "modern_cnn_cifar10.keras"
SHIPPED = COMMITTED / "modern_cnn_cifar10_int8.tflite"
NUM_REPRESENTATIVE = 500
MIN_AGREEMENT = 0.97  # of the decisions
MAX_LOSS = 0.005  # of accuracy
LICENCE = "CC BY 4.0"


def measure(model, flatbuffer, images, labels):
    """Returns what float and int8 are worth on a test set, as a dict."""
    logits = model.predict(images, batch_size=500, verbose=0)
    shipped = predict(flatbuffer, images)
    return {
        "test_images": len(labels),
        "test_accuracy_float": accuracy(logits, labels),
        "test_accuracy_int8": accuracy(shipped, labels),
        "same_decision": float(np.mean(logits.argmax(-1) == shipped.argmax(-1))),
    }


def provenance(weights, measured, data):
    """Returns what the file says of its own making."""
    return {
        "network": "cnnlab.models.modern_cnn.modern_cnn, logits, int8 throughout",
        "weights": f"{weights.name}, sha256:{_checksum(weights.read_bytes())}",
        "data": f"{data.name} ({data.source}), {data.checksum}",
        "recipe": f"post-training quantisation, {NUM_REPRESENTATIVE} training images",
        **measured,
        "licence": LICENCE,
        "limits": "made for lessons: small pictures of these classes only, and an "
        "answer for any other picture too",
        **conditions(["keras", "tensorflow", "ai-edge-litert", "numpy"]),
    }


def facts(packed, said, data):
    """Returns what the card of the shipped model says, as a dict."""
    return {
        "bytes": f"{len(packed):,}",
        "network": said["network"],
        "weights": f"{said['weights']}; their card tells how they were trained",
        "input": "pictures of any size: upright, on white, the middle square shrunk to "
        "32x32, RGB in [0, 1]; all of it written in the file and done by the command",
        "classes": ", ".join(data.classes),
        "data": said["data"],
        "licence of the data": data.licence,
        "recipe": f"{said['recipe']}; none of the test set",
        "accuracy on the test set": f"float {said['test_accuracy_float']:.2%}, int8 "
        f"{said['test_accuracy_int8']:.2%}, on {said['test_images']:,} images",
        "same decision as float": f"{said['same_decision']:.2%} of these images",
        "versions": said["versions"],
        "limits": said["limits"],
        "licence of the model": f"{said['licence']}, as the lessons",
    }


def _checksum(content):
    return hashlib.sha256(content).hexdigest()


def main():
    (images_train, _), _, (images_test, labels_test), data = load("cifar10")
    model = keras.models.load_model(WEIGHTS)
    flatbuffer = convert(model, "int8", images_train[:NUM_REPRESENTATIVE])
    measured = measure(model, flatbuffer, images_test, labels_test)
    print(*(f"{key}: {value}" for key, value in measured.items()), sep="\n")
    loss = measured["test_accuracy_float"] - measured["test_accuracy_int8"]
    if measured["same_decision"] < MIN_AGREEMENT or loss > MAX_LOSS:
        sys.exit(f"Not shipped: the bounds are {MIN_AGREEMENT:.0%} and {MAX_LOSS:.1%}")
    said = provenance(WEIGHTS, measured, data)
    how = Preprocessing(*model.input_shape[1:3])
    packed = pack(flatbuffer, data.classes, how, said)
    SHIPPED.write_bytes(packed)
    use = f"    cnnlab classify data/checkpoints/{SHIPPED.name} IMAGE..."
    made = "CNNLAB_DATA=... python -m experiments.lesson_15.ship_modern_cnn"
    write_card(SHIPPED, facts(packed, said, data), made, use, "")
    print(f"Wrote {SHIPPED.relative_to(ROOT)} and its card")


if __name__ == "__main__":
    main()
