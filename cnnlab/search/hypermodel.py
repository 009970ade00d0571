"""A hypermodel: a function that builds the network which KerasTuner has chosen.

A network has a few blocks; a block is a 3x3 convolution, batch normalisation, swish,
and squeeze-and-excitation or not. The map is halved between blocks; global average
pooling, dropout and one dense layer end it. KerasTuner takes the function as it is:
`keras_tuner.RandomSearch(build, objective="val_accuracy", max_trials=20)`. Another
space is the same function with other ranges: `functools.partial(build, filters=(8,
32), filters_step=8)`.

Taught in notebooks/09_architecture_search.ipynb.
Source: search space, Elsken et al. 2019, section 2, https://arxiv.org/abs/1808.05377;
    hypermodel and conditional scopes, https://keras.io/keras_tuner/
"""

import keras
from keras import layers

from cnnlab.layers.conv_norm import conv_norm
from cnnlab.layers.squeeze_excite import squeeze_excite

SMALLEST = 2  # pixels: on a map of one pixel, a 3x3 kernel sees mostly padding
REDUCTION = 4  # of squeeze-and-excitation: divides every number of filters


def build(
    hp,
    input_shape=(32, 32, 3),
    num_classes=10,
    blocks=(2, 5),
    filters=(32, 256),
    filters_step=32,
    learning_rate=(1e-4, 1e-2),
):
    """Builds and compiles the network that is chosen.

    The map is halved between two blocks as long as both its sides keep two pixels:
    with small images the last blocks of a deep network work on maps of one size,
    and no choice leads to a map without pixels.

    Args:
        hp: `keras_tuner.HyperParameters`.
        input_shape: Height, width and channels of an image with values in [0, 1].
        num_classes: Number of classes.
        blocks: Fewest and most blocks.
        filters: Fewest and most filters of a block, multiples of 4.
        filters_step: Difference between two numbers of filters, a multiple of 4.
        learning_rate: Lowest and highest of AdamW, drawn on a logarithmic scale; it
            stays constant during training.

    Returns:
        A compiled `keras.Model` from images `(B, H, W, C)` to logits
        `(B, num_classes)`.

    Raises:
        ValueError: If filters are not multiples of 4, or a range is empty.
    """
    chosen_filters = _choose_filters(hp, blocks, filters, filters_step)
    has_gates = hp.Boolean("squeeze_excite")
    dropout = hp.Float("dropout", 0.1, 0.5, step=0.1)
    rate = hp.Float("learning_rate", *learning_rate, sampling="log")
    x = inputs = keras.Input(input_shape)
    for number, count in enumerate(chosen_filters):
        if number > 0 and min(x.shape[1:3]) >= 2 * SMALLEST:
            x = layers.MaxPooling2D()(x)
        x = conv_norm(x, count, activation="swish")
        if has_gates:
            x = squeeze_excite(x, REDUCTION)
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(num_classes)(x), name="found")
    model.compile(
        optimizer=keras.optimizers.AdamW(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)  # Hyperband loads its state, too
    return model


def _choose_filters(hp, blocks, filters, step):
    """Returns the filters of each block; those of absent blocks are not chosen.

    Without the conditional scope, two choices that differ in the filters of an absent
    block would be two trials of one network.
    """
    least, most = blocks
    num_blocks = hp.Int("blocks", least, most)
    chosen = []
    for number in range(1, most + 1):
        with hp.conditional_scope("blocks", list(range(max(number, least), most + 1))):
            chosen.append(hp.Int(f"filters_{number}", *filters, step))
    return chosen[:num_blocks]


def name_architecture(values):
    """Names the layers that a trial has chosen, such as `32-64 SE`.

    Args:
        values: Dict of a trial's hyperparameters, `trial.hyperparameters.values`.

    Returns:
        The filters of the blocks, and SE where they have squeeze-and-excitation.
    """
    filters = [values[f"filters_{n}"] for n in range(1, values["blocks"] + 1)]
    return "-".join(map(str, filters)) + (" SE" if values["squeeze_excite"] else "")
