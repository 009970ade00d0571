"""Heads: the last layer that a pretrained network was published with, class by class.

`cnnlab.data.backbones` finds networks without it. It need not be thrown away whole: the
columns of classes that are needed again can be the start of a new head. They come from
the same places as the backbones and are verified like them.

Taught in notebooks/05_transfer_learning_efficientnet.ipynb.
Source: https://keras.io/api/applications/
Verdict: knows what it was trained on without one new label, and nothing else.
"""

import io
import json
import re
import zipfile

import h5py
import numpy as np

from cnnlab.data import backbones, downloads, sources

FILES = {  # of ImageNet; a file is listed once its checksum is known
    "MobileNet 0.75": sources.File(
        backbones.PUBLISHED + "tensorflow/keras-applications/mobilenet/"
        "mobilenet_7_5_224_tf.h5",
        "sha256:63e7d56d0007fe7bc3963bb653fbf7b9520c84a1b473fd4f6afb4afd639e949a",
        10_628_720,
        folder=backbones.FOLDER,
    ),
}
CLASS_NAMES = sources.File(
    backbones.PUBLISHED + "download.tensorflow.org/data/imagenet_class_index.json",
    "md5:c2c37ea517e94d9795004a39431a14cb",
    35_363,
    folder=backbones.FOLDER,
)


def load(source, name, classes):
    """Reads what the head of a pretrained network has for some of its classes.

    Args:
        source: "local", "download" or "auto", the first of these that is there; for
            the small EfficientNet "embedded" or "auto".
        name: Name of the backbone, as its record has it.
        classes: Old classes, in the order wanted: names such as "ant", or positions
            where a name is not unique.

    Returns:
        `(kernel, bias), record`: float32 of shapes `(C, len(classes))` and
        `(len(classes),)`, as `cnnlab.models.backbone.with_head` begins with, and what
        they are.

    Raises:
        ValueError: If an argument is unknown.
        DataError: If the source asked for cannot be used, or no head is known.
    """
    readers = {
        "local": lambda: _read("local", name, classes),
        "download": lambda: _read("download", name, classes),
    }
    if name == backbones.EMBEDDED:
        readers = {"embedded": lambda: _read_embedded(classes)}
    elif name not in backbones.WEIGHTS:
        names = [*backbones.WEIGHTS, backbones.EMBEDDED]
        raise ValueError(f"`name` must be one of {names}. Received: {name!r}")
    elif name not in FILES:
        reason = f"no head of {name} is listed"
        known = " and ".join([*FILES, backbones.EMBEDDED])
        raise sources.AbsentError(f"{reason}: take one of {known}.", reason)
    held = "a local folder holds it"
    return sources.load(source, readers, what="Head", held=held)


def _read(source, name, classes):
    weights, names = (
        _place(source, file).read_bytes() for file in (FILES[name], CLASS_NAMES)
    )
    listed = json.loads(names)
    names = [listed[str(at)][1] for at in range(len(listed))]
    return _columns(weights, names, classes, name, source, FILES[name].checksum)


def _place(source, file):
    """Returns the path of a file that has been verified."""
    if source == "local":
        return backbones.find({file.name: file}, "its head")[0]
    return downloads.fetch(file, downloads.cache("models"))


def _read_embedded(classes):
    path, found = backbones.load("embedded")
    card = path.with_suffix(".md").read_text()
    names = re.search(r"\| classes \| (.+) \|", card)[1].split(", ")
    with zipfile.ZipFile(path) as archive:
        weights = archive.read("model.weights.h5")
    return _columns(weights, names, classes, found.name, "embedded", found.checksum)


def _columns(weights, names, classes, name, source, checksum):
    """Cuts the columns of some classes out of the head in a file of weights."""
    chosen = [_position(each, names) for each in classes]
    kernel, bias = _last_layer(weights, len(names))
    record = backbones.record(name, source, checksum, [names[at] for at in chosen])
    return (kernel[:, chosen], bias[chosen]), record


def _position(each, names):
    found = [each]
    if isinstance(each, str):
        found = [at for at, name in enumerate(names) if name == each]
    if len(found) != 1 or not 0 <= found[0] < len(names):
        where = f", which stands at {found}" if len(found) > 1 else ""
        raise ValueError(
            "`classes` must be names that one old class has, or positions below "
            f"{len(names)}. Received: {each!r}{where}"
        )
    return found[0]


def _last_layer(weights, num_classes):
    """Returns kernel `(C, num_classes)` and bias, in an HDF5 file's only such layer."""
    found = {}

    def keep(_, item):
        if isinstance(item, h5py.Dataset) and item.shape[-1:] == (num_classes,):
            found["bias" if item.ndim == 1 else "kernel"] = np.array(item, "float32")

    with h5py.File(io.BytesIO(weights)) as file:
        file.visititems(keep)
    return found["kernel"].reshape(-1, num_classes), found["bias"]


def published():
    """Returns what `cnnlab prefetch` brings beside the backbones."""
    heads = {f"{name}, head": file for name, file in FILES.items()}
    return {**heads, "names of ImageNet's classes": CLASS_NAMES}


def available():
    """Lists which heads a local folder holds; see `cnnlab.data.sources.available`."""
    return [
        sources.row(name, "local", backbones.find, {name: file}, "it")
        for name, file in published().items()
    ]
