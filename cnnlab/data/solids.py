"""Solids: eight kinds of bodies as volumes, which stand in for organs and furniture.

`cnnlab.scenes.solids` draws them. Taught in notebooks/13_3d_cnns.ipynb.
"""

from cnnlab.data import fetch
from cnnlab.scenes import images, solids

CLASSES = solids.CLASSES
NUM_TRAIN, NUM_VAL, NUM_TEST = 1_200, 200, 400  # volumes that `load` draws by default


def load(
    source="auto",
    num_train=None,
    num_val=None,
    num_test=None,
    seed=0,
    size=28,
    dtype="float32",
):
    """Draws training, validation and test volumes, from three streams of one seed.

    Args:
        source: "auto" or "embedded": solids have no other source.
        num_train: Number of training volumes; by default `NUM_TRAIN`.
        num_val: Number of validation volumes; by default `NUM_VAL`.
        num_test: Number of test volumes; by default `NUM_TEST`.
        seed: A non-negative integer.
        size: Depth, height and width in voxels, at least 8.
        dtype: "float32" for values in [0, 1], or "uint8".

    Returns:
        `train_set, val_set, test_set, info`: three pairs of volumes, shape
        `(N, size, size, size, 1)`, and labels, int64, shape `(N,)`.

    Raises:
        ValueError: If the source is another one, or a number is below 1.
    """
    wanted = {"num_train": num_train, "num_val": num_val, "num_test": num_test}
    usual = (NUM_TRAIN, NUM_VAL, NUM_TEST)
    counts = [
        images.at_least(name, standard if number is None else number, 1)
        for (name, number), standard in zip(wanted.items(), usual, strict=True)
    ]

    def draw():
        parts = [
            solids.render(n, (seed, part), size) for part, n in enumerate(counts, 1)
        ]
        return *parts, _describe(parts)

    return fetch.load(source, {"embedded": draw}, dtype)


def _describe(parts):
    return fetch.DataInfo(
        name="Solids",
        source="embedded",
        classes=CLASSES,
        licence="MIT",
        citation="Drawn by cnnlab/scenes/solids.py",
        checksum=f"sha256:{images.fingerprint(*parts)}",
    )
