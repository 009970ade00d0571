"""EfficientNet-Lite0 of ImageNet on photographs, in Keras and in TFLite.

The photographs are one of each of 115 classes, probably from those that it was trained
on: what is claimed is that the weights arrived, not how good the network is.
"""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnlab.data import pretrained
from cnnlab.lite.convert import convert
from cnnlab.lite.interpreter import predict

FOLDER = Path(os.environ["CNNLAB_DATA"]).expanduser() / "imagenet_samples"
pytestmark = [
    pytest.mark.quick,
    pytest.mark.skipif(
        not FOLDER.is_dir(),
        reason="CNNLAB_DATA does not hold imagenet_samples/ with its labels.csv, from "
        "https://github.com/EliSchwartz/imagenet-sample-images",
    ),
]


def middle(path):
    """Shrinks the short side to 256 pixels and cuts out the middle 224."""
    with Image.open(path) as file:
        picture = file.convert("RGB")
    size = [round(256 / min(picture.size) * length) for length in picture.size]
    left, top = ((length - 224) // 2 for length in size)
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    return np.divide(picture.crop((left, top, left + 224, top + 224)), np.float32(255))


@pytest.fixture(scope="module")
def samples():
    with open(FOLDER / "labels.csv") as file:
        rows = list(csv.DictReader(file))
    images = np.stack([middle(FOLDER / row["file"]) for row in rows])
    labels = np.array([int(row["index"]) for row in rows])
    return pretrained.preprocess(images), labels


@pytest.fixture(scope="module")
def network():
    return pretrained.efficientnet_lite0(include_top=True)


@pytest.fixture(scope="module")
def logits(network, samples):
    return network.predict(samples[0], verbose=0)


def test_names_are_those_of_the_photographs(samples):
    names = pretrained.class_names()
    with open(FOLDER / "labels.csv") as file:
        for row in csv.DictReader(file):
            assert names[int(row["index"])] == row["name"].replace("_", " ")


def test_of_115_photographs_102_are_named_and_113_within_five(logits, samples):
    labels = samples[1]
    places = (-logits).argsort(axis=-1)  # (115, 1000), the best first
    assert len(labels) == 115
    assert (places[:, 0] == labels).sum() == pytest.approx(102, abs=1)
    assert (places[:, :5] == labels[:, None]).any(axis=-1).sum() == 113


def test_converted_networks_name_the_same(network, samples, logits):
    """The integers learn their ranges from 100 of the photographs."""
    images, labels = samples
    decisions = logits.argmax(axis=-1)
    sizes = {}
    for variant, least in (("float32", 115), ("int8", 110)):
        content = convert(network, variant, images[:100], image_range=(-1, 1))
        sizes[variant] = len(content) / 1e6  # megabytes
        converted = predict(content, images).argmax(axis=-1)
        print(
            f"{variant}: {sizes[variant]:.2f} MB, "
            f"{(converted == decisions).sum()} decide alike, "
            f"{(converted == labels).sum()} are right"
        )
        assert (converted == decisions).sum() >= least
    assert sizes == pytest.approx({"float32": 18.57, "int8": 5.27}, rel=0.02)
