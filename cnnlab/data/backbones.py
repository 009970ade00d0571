"""Backbones: where the weights of a pretrained network come from, as of a data set.

`cnnlab.models.backbone` builds the network. ImageNet weights come from a local folder
(`CNNLAB_DATA/keras/models`, or Keras' own cache, `KERAS_HOME` or `~/.keras`) or from
Keras' server; the weights that this repository holds are always there. A file is
verified by its checksum before anything opens it.

Taught in notebooks/05_transfer_learning_efficientnet.ipynb.
"""

import os
import re
from pathlib import Path

from cnnlab.data import downloads, sources

PUBLISHED = "https://storage.googleapis.com/"
CHECKPOINTS = Path(__file__).resolve().parents[2] / "data" / "checkpoints"
FOLDER = "keras/models"  # where `CNNLAB_DATA` has them
EMBEDDED = "EfficientNet small"
EMBEDDED_FILE = "efficientnet_small_cifar10.keras"


WEIGHTS = {  # of ImageNet, without the head; the first that is there is taken
    "EfficientNet-B0": sources.File(
        PUBLISHED + "keras-applications/efficientnetb0_notop.h5",
        "md5:50bc09e76180e00e4465e1a485ddc09d",
        16_705_208,
        folder=FOLDER,
    ),
    "MobileNet 0.75": sources.File(
        PUBLISHED + "tensorflow/keras-applications/mobilenet/"
        "mobilenet_7_5_224_tf_no_top.h5",
        "sha256:33fe829da97b7d2f09b25e372b516c2d151bb15be6a6aa4a67fb419a58383fa9",
        7_547_536,
        folder=FOLDER,
    ),
    "MobileNetV2 0.35": sources.File(
        PUBLISHED + "tensorflow/keras-applications/mobilenet_v2/"
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5",
        "sha256:d43c70f8ea04b1087170401b2f4739f41b94200e30892ea8d050ac65779146c6",
        2_028_672,
        folder=FOLDER,
    ),
}


def load(source="auto", name=None):
    """Finds the weights of a pretrained network.

    Args:
        source: "local", "download", "embedded" (the small EfficientNet, trained on
            CIFAR-10), or "auto": the first of these that is there.
        name: A key of `WEIGHTS`; by default the first that a local folder holds, and
            else EfficientNet-B0.

    Returns:
        `(path, record)`: the verified file, and what it is. `record.name` is what
        `cnnlab.models.backbone.backbone` builds.

    Raises:
        ValueError: If an argument is unknown.
        DataError: If the source asked for cannot be used.
    """
    if name not in (None, *WEIGHTS):
        raise ValueError(f"`name` must be one of {list(WEIGHTS)}. Received: {name!r}")
    names = list(WEIGHTS) if name is None else [name]
    readers = {
        "local": lambda: _find_local(names),
        "download": lambda: _download(names[0]),
        "embedded": _find_embedded,
    }
    held = "a local folder holds it"
    return sources.load(source, readers, what="Backbone", held=held)


def _find_local(names):
    files = {name: WEIGHTS[name] for name in names}
    path, name = find(files, "ImageNet weights")
    return path, record(name, "local", files[name].checksum)


def find(files, what):
    """Finds the first of some published files that a local folder holds.

    Args:
        files: A dict from a name to a `sources.File`.
        what: What they are, for the error.

    Returns:
        `(path, name)`: the verified file, and its name in `files`.

    Raises:
        AbsentError: If no local folder holds any.
        DataError: If the first is damaged.
    """
    places = _folders()
    for name, file in files.items():
        for folder in places:
            path = folder / file.name
            if path.exists():
                sources.read(path, file.checksum)
                return path, name
    looked = " or ".join(map(str, places))
    raise sources.AbsentError(
        f"{looked} must hold {' or '.join(file.name for file in files.values())}; "
        "`cnnlab prefetch FOLDER` brings them for CNNLAB_DATA=FOLDER.",
        f"no local folder holds {what}",
    )


def _folders():
    """Folders that may hold weights, those of `CNNLAB_DATA` before Keras' own."""
    data = os.environ.get("CNNLAB_DATA")
    prefetched = [Path(data).expanduser() / "keras" / "models"] if data else []
    return [*prefetched, downloads.cache("models")]


def _download(name):
    path = downloads.fetch(WEIGHTS[name], downloads.cache("models"))
    return path, record(name, "download", WEIGHTS[name].checksum)


def _find_embedded():
    path = CHECKPOINTS / EMBEDDED_FILE
    remedy = f"`git checkout {EMBEDDED_FILE}` in data/checkpoints brings it back"
    checksum = _stated_checksum(path.with_suffix(".md"), remedy)
    sources.read(path, checksum, remedy)
    return path, record(EMBEDDED, "embedded", checksum)


def _stated_checksum(card, remedy):
    """Returns the checksum that the card beside a file states."""
    text = card.read_text() if card.exists() else ""
    found = re.search(r"SHA-256 \| `([0-9a-f]{64})`", text)
    if not found:
        raise sources.DataError(
            f"{card} must state the checksum of {EMBEDDED_FILE}: {remedy}.",
            f"the card of {EMBEDDED_FILE} is missing or damaged",
        )
    return f"sha256:{found[1]}"


def record(name, source, checksum, classes=()):
    """Returns the `sources.Record` of weights, or of some classes of a head."""
    embedded = source == "embedded"
    return sources.Record(
        name=name,
        source=source,
        classes=tuple(classes),
        licence="CC BY 4.0" if embedded else "Apache-2.0",
        citation="benchmarks/efficientnet_checkpoint.py"
        if embedded
        else "https://keras.io/api/applications/",
        checksum=checksum,
    )


def available():
    """Lists where weights can be had; see `sources.available`."""
    rows, server = [], sources.row("", "download", _require_server)
    for name in WEIGHTS:
        rows.append(sources.row(name, "local", _find_local, [name]))
        rows.append(server._replace(dataset=name))
    return [*rows, sources.row(EMBEDDED, "embedded", _find_embedded)]


def _require_server():
    """Asks once for all: a server that is silent is waited for."""
    sources.require_network(PUBLISHED)
