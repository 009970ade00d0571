"""Photographs: five free pictures shipped with scikit-image, to look at closely.

Taught in notebooks/01_convolution_basics.ipynb.
Source: https://scikit-image.org/docs/stable/api/skimage.data.html

Read straight from the installed package: `skimage.data` itself would try the
network for a picture that it misses.
"""

import hashlib
import io

import numpy as np
from PIL import Image

from cnnlab.data import fetch, pixels

FILES = {
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "camera.png": "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
}


def load(source="auto", dtype="float32"):
    """Loads five photographs: an astronaut, a camera man, a cat, a cup, a rocket.

    Args:
        source: "auto" or "embedded": they come from nowhere else.
        dtype: "float32" for images in [0, 1], or "uint8".

    Returns:
        `(photographs, info)`: a dict from "astronaut", "camera", "chelsea",
        "coffee" and "rocket" to images of shape `(H, W, 3)`, sides 300 to 640 pixels;
        "camera" is grey, three equal channels.

    Raises:
        ValueError: If `source` or `dtype` is another.
        DataError: If scikit-image lacks a file, or has another.
    """
    pixels.check_dtype(dtype)
    images, info = fetch.load(source, {"embedded": _read})
    return {name: pixels.convert(image, dtype) for name, image in images.items()}, info


def path(name):
    """Returns the file of a photograph, for what reads files itself.

    Args:
        name: "astronaut", "camera", "chelsea", "coffee" or "rocket".

    Raises:
        ValueError: If the name is another.
        DataError: If scikit-image is not installed.
    """
    files = {file.split(".")[0]: file for file in FILES}
    if name not in files:
        raise ValueError(
            f"`name` must be one of {', '.join(files)}. Received: {name!r}"
        )
    return fetch.find_package("skimage") / "data" / files[name]


def _read():
    files = {
        name: fetch.read_packaged("skimage", f"data/{name}", f"sha256:{checksum}")
        for name, checksum in FILES.items()
    }
    photographs = {name.split(".")[0]: _decode(file) for name, file in files.items()}
    together = hashlib.sha256(b"".join(files.values())).hexdigest()
    info = fetch.DataInfo(
        name="Photographs",
        source="embedded",
        classes=(),
        licence="CC0 and public domain",
        citation="https://scikit-image.org/docs/stable/api/skimage.data.html",
        checksum=f"sha256:{together}",
    )
    return photographs, info


def _decode(file):
    with Image.open(io.BytesIO(file)) as picture:
        return np.array(picture.convert("RGB"))
