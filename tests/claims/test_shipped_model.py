"""What the card of the model that ships states, on real CIFAR-10, and how it starts."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnlab.data import cifar10
from cnnlab.lite.classify import Classifier
from cnnlab.lite.interpreter import predict

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "data" / "checkpoints" / "modern_cnn_cifar10_int8.tflite"
pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def test_set():
    return cifar10.load("local", num_train=10)[1]


def test_the_card_describes_this_file():
    card = MODEL.with_suffix(".md").read_text()
    content = MODEL.read_bytes()
    assert f"`{hashlib.sha256(content).hexdigest()}`" in card
    assert f"| bytes | {len(content):,} |" in card
    said = Classifier(MODEL).provenance
    assert f"float {said['test_accuracy_float']:.2%}" in card
    assert f"int8 {said['test_accuracy_int8']:.2%}" in card
    assert f"| {said['same_decision']:.2%} of these images |" in card


def test_the_weights_that_it_was_made_from_are_those_beside_it():
    name, checksum = Classifier(MODEL).provenance["weights"].split(", sha256:")
    weights = (MODEL.parent / name).read_bytes()
    assert hashlib.sha256(weights).hexdigest() == checksum


@pytest.mark.data
def test_its_accuracy_comes_out_again(test_set):
    """Other processors round a few of the integers otherwise."""
    images, labels = test_set
    right = predict(MODEL.read_bytes(), images).argmax(-1) == labels
    stated = Classifier(MODEL).provenance["test_accuracy_int8"]
    assert right.mean() == pytest.approx(stated, abs=0.002)


@pytest.mark.data
def test_a_file_is_answered_as_its_array_is(test_set, tmp_path):
    images = test_set[0][:20]
    classifier = Classifier(MODEL)
    scores = predict(MODEL.read_bytes(), images)
    for image, score in zip(images, scores):
        Image.fromarray(np.rint(image * 255).astype(np.uint8)).save(tmp_path / "a.png")
        (answer,) = classifier.answer(tmp_path / "a.png", 1)
        assert answer.label == classifier.labels[score.argmax()]


@pytest.mark.data
def test_the_command_takes_little_more_than_the_import_of_its_libraries(
    test_set, tmp_path
):
    """Processor time, and the quickest of five: a busy machine is not our claim."""
    path = tmp_path / "picture.png"
    Image.fromarray(np.rint(test_set[0][0] * 255).astype(np.uint8)).save(path)
    libraries = (
        "import numpy, PIL.Image, rich.console, typer\n"
        "from ai_edge_litert.interpreter import Interpreter"
    )
    command = [Path(sys.executable).with_name("cnnlab"), "classify", MODEL, path]
    least = processor_seconds([sys.executable, "-c", libraries])
    assert processor_seconds(command) < 2 * least


def processor_seconds(command):
    """Returns what the quickest of five runs takes of the processor."""
    seconds = []
    for _ in range(5):
        before = os.times()
        subprocess.run(command, check=True, capture_output=True)
        after = os.times()
        user = after.children_user - before.children_user
        seconds.append(user + after.children_system - before.children_system)
    return min(seconds)
