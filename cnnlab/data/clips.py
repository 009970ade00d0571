"""Clips: Scenes in motion, of ten classes that only motion tells apart.

`cnnlab.scenes.clips` draws them. Taught in notebooks/13_3d_cnns.ipynb.
"""

import numpy as np

from cnnlab.data import fetch
from cnnlab.scenes import clips, images

CLASSES, LEAST_FRAMES = clips.CLASSES, clips.LEAST_FRAMES
REVERSED, MIRRORED = clips.REVERSED, clips.MIRRORED
NUM_TRAIN, NUM_TEST = 2_000, 500  # clips that `load` draws by default


def load(
    source="auto",
    num_train=None,
    num_test=None,
    seed=0,
    num_frames=8,
    size=32,
    dtype="float32",
):
    """Draws a training and a test set, from two streams of one seed.

    Args:
        source: "auto" or "embedded": clips have no other source.
        num_train: Number of training clips; by default `NUM_TRAIN`.
        num_test: Number of test clips; by default `NUM_TEST`.
        seed: A non-negative integer.
        num_frames: Frames of a clip, at least 2.
        size: Height and width in pixels, at least 8.
        dtype: "float32" for values in [0, 1], or "uint8".

    Returns:
        `(clips_train, labels_train), (clips_test, labels_test), info`: clips of shape
        `(N, num_frames, size, size, 3)`; labels int64, indices into `info.classes`,
        shape `(N,)`.

    Raises:
        ValueError: If the source is another one, or a number is too small.
    """
    num_train = NUM_TRAIN if num_train is None else num_train
    num_test = NUM_TEST if num_test is None else num_test
    images.at_least("num_train", num_train, 1)
    images.at_least("num_test", num_test, 1)

    def draw():
        train = clips.render(num_train, (seed, 1), num_frames, size)
        test = clips.render(num_test, (seed, 2), num_frames, size)
        return train, test, _describe(train, test)

    return fetch.load(source, {"embedded": draw}, dtype)


def _describe(*parts):
    return fetch.DataInfo(
        name="Clips",
        source="embedded",
        classes=CLASSES,
        licence="MIT",
        citation="Drawn by cnnlab/scenes/clips.py",
        checksum=f"sha256:{images.fingerprint(*parts)}",
    )


def check(clips, num_frames=LEAST_FRAMES):
    """Returns clips of your own if a network can use them.

    Args:
        clips: What ought to be float values in [0, 1], shape `(N, D, H, W, C)`.
        num_frames: Fewest frames that are enough.

    Raises:
        ValueError: If they have another rank, are too short, are whole numbers, or
            hold a value that is not a number or outside [0, 1].
    """
    clips = np.asarray(clips)
    if clips.ndim != 5:
        raise ValueError(
            "Clips must have five axes: clip, frame, height, width, channel. "
            f"Received: shape {clips.shape}"
        )
    if clips.shape[1] < num_frames:
        raise ValueError(
            f"A clip must have at least {num_frames} frames. "
            f"Received: {clips.shape[1]}, shape {clips.shape}"
        )
    if not np.issubdtype(clips.dtype, np.floating):
        raise ValueError(
            "Values must be floats in [0, 1]; divide bytes by 255. "
            f"Received: {clips.dtype}"
        )
    axes = tuple(range(1, 5))
    bad = np.flatnonzero(~np.isfinite(clips).all(axis=axes))
    if len(bad):
        raise ValueError(
            f"Values must be finite. Received: NaN or infinity in {len(bad)} clips, "
            f"the first of them number {bad[0]}"
        )
    if clips.size and (clips.min() < 0 or clips.max() > 1):
        raise ValueError(
            f"Values must lie in [0, 1]. Received: {clips.min():g} to {clips.max():g}"
        )
    return clips
