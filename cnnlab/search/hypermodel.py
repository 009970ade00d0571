"""A space of small convolutional networks, as KerasTuner searches it.

A network has a few blocks; a block is a 3x3 convolution, batch normalisation, swish,
and squeeze-and-excitation or not. The map is halved between blocks; global average
pooling, dropout and one dense layer end it. Filters are chosen block by block, and a
network of three blocks has three of them: KerasTuner is told so by conditions, so that
no two choices stand for the same network.

Taught in notebooks/09_architecture_search.ipynb.
Source: search space, Elsken et al. 2019, section 2, https://arxiv.org/abs/1808.05377;
    hypermodel and conditions, https://keras.io/keras_tuner/
"""

import math
from typing import NamedTuple

import keras
import keras_tuner
from keras import layers

from cnnlab.layers.squeeze_excite import squeeze_excite
from cnnlab.search.objectives import score

SMALLEST = 2  # pixels: a map of one pixel shows a 3x3 kernel mostly padding
REDUCTION = 4  # of squeeze-and-excitation


class Ranges(NamedTuple):
    """What may be chosen: from the first number to the second, both included.

    Attributes:
        blocks: Number of convolutional blocks.
        filters: Filters of each of them, in steps of `filters_step`.
        filters_step: A multiple of 4, as squeeze-and-excitation needs it.
        squeeze_excite: Whether the gates are there: `(False, True)` leaves it open.
        dropout: Share of the features before the dense layer that is dropped, in
            tenths.
        learning_rate: Of AdamW, drawn evenly on a logarithmic scale; it stays.
    """

    blocks: tuple = (2, 5)
    filters: tuple = (32, 256)
    filters_step: int = 32
    squeeze_excite: tuple = (False, True)
    dropout: tuple = (0.1, 0.5)
    learning_rate: tuple = (1e-4, 1e-2)


RANGES = Ranges()


class ConvolutionalSpace(keras_tuner.HyperModel):
    """Builds and trains the networks of a space.

    Args:
        input_shape: Height, width and channels of an image with values in [0, 1].
        num_classes: Number of classes.
        ranges: `Ranges` of the choices.
        budget: `cnnlab.search.objectives.Budget` that a network must keep to, or None.

    Raises:
        ValueError: If a range is empty or filters do not suit the gates, an image
            has no pixel, or the budget is none.
    """

    def __init__(
        self, input_shape=(32, 32, 3), num_classes=10, ranges=RANGES, budget=None
    ):
        super().__init__()
        _check(ranges, input_shape)
        if budget is not None and not budget.limit > 0:
            raise ValueError(
                f"A budget's limit must be greater than 0. Received: {budget.limit}"
            )
        self.input_shape, self.num_classes = tuple(input_shape), num_classes
        self.ranges, self.budget = ranges, budget

    def build(self, hp):
        """Builds the network that is chosen.

        The map is halved between two blocks as long as both its sides keep two pixels:
        with small images the last blocks of a deep network work on maps of one size,
        and no choice leads to a map without pixels.

        Args:
            hp: `keras_tuner.HyperParameters`.

        Returns:
            A compiled `keras.Model` from images `(B, H, W, C)` to logits.
        """
        choice = self.choose(hp)
        x = inputs = keras.Input(self.input_shape)
        for number, filters in enumerate(choice["filters"]):
            if number > 0 and min(x.shape[1:3]) >= 2 * SMALLEST:
                x = layers.MaxPooling2D()(x)
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
            x = layers.Activation("swish")(x)
            if choice["squeeze_excite"]:
                x = squeeze_excite(x, REDUCTION)
        x = layers.Dropout(choice["dropout"])(layers.GlobalAveragePooling2D()(x))
        model = keras.Model(inputs, layers.Dense(self.num_classes)(x), name="found")
        model.compile(
            optimizer=keras.optimizers.AdamW(choice["learning_rate"]),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        model.optimizer.build(model.trainable_variables)  # for Hyperband to load
        return model

    def choose(self, hp):
        """Asks KerasTuner for a network: filters, gates, dropout and rate, a dict."""
        least, most = self.ranges.blocks
        blocks = hp.Int("blocks", least, most)
        filters = []
        for number in range(1, most + 1):
            with hp.conditional_scope(
                "blocks", list(range(max(number, least), most + 1))
            ):
                chosen = hp.Int(
                    f"filters_{number}", *self.ranges.filters, self.ranges.filters_step
                )
            filters.append(chosen)
        return {
            "filters": filters[:blocks],
            "squeeze_excite": self._gates(hp),
            "dropout": hp.Float("dropout", *self.ranges.dropout, step=0.1),
            "learning_rate": hp.Float(
                "learning_rate", *self.ranges.learning_rate, sampling="log"
            ),
        }

    def _gates(self, hp):
        name, allowed = "squeeze_excite", self.ranges.squeeze_excite
        return hp.Boolean(name) if len(set(allowed)) > 1 else hp.Fixed(name, allowed[0])

    def fit(self, hp, model, *arguments, **options):
        """Trains a network unless it is over budget; see `objectives.score`."""
        return score(model, self.budget, *arguments, **options)

    def count(self):
        """Counts what can be chosen, apart from the learning rate, which is continuous.

        Returns:
            The number of combinations of blocks, filters, gates and dropout.
        """
        least, most = self.ranges.blocks
        sizes = (self.ranges.filters[1] - self.ranges.filters[0]) // (
            self.ranges.filters_step
        ) + 1
        tenths = math.floor(
            10 * (self.ranges.dropout[1] - self.ranges.dropout[0]) + 1e-6
        )
        bodies = sum(sizes**blocks for blocks in range(least, most + 1))
        return bodies * len(set(self.ranges.squeeze_excite)) * (tenths + 1)

    def describe(self):
        """Returns what makes this space, in numbers and lists: see `tuners.Search`."""
        budget = self.budget and [self.budget.name, self.budget.limit]
        return {
            "input_shape": list(self.input_shape),
            "num_classes": self.num_classes,
            **{
                name: list(value) if isinstance(value, tuple) else value
                for name, value in self.ranges._asdict().items()
            },
            "budget": budget,
        }

    def caption(self, values):
        """Writes a choice in few words: `32-64 SE, dropout 0.1, rate 0.001`."""
        filters = [values[f"filters_{n}"] for n in range(1, values["blocks"] + 1)]
        gates = " SE" if values["squeeze_excite"] else ""
        return (
            f"{'-'.join(map(str, filters))}{gates}, dropout {values['dropout']:.1f}, "
            f"rate {values['learning_rate']:.2g}"
        )


def _check(ranges, input_shape):
    """Raises `ValueError` unless there is something to choose from."""
    for name in ("blocks", "filters", "dropout", "learning_rate"):
        low, high = getattr(ranges, name)
        if not 0 < low <= high:
            raise ValueError(
                f"`{name}` must be two numbers above 0, the smaller first. "
                f"Received: {name}={getattr(ranges, name)}"
            )
    if not set(ranges.squeeze_excite) or not set(ranges.squeeze_excite) <= {0, 1}:
        raise ValueError(
            "`squeeze_excite` must hold False, True or both. "
            f"Received: {ranges.squeeze_excite}"
        )
    sizes = (ranges.filters[0], ranges.filters_step)
    if ranges.filters_step < 1 or any(size % REDUCTION for size in sizes):
        raise ValueError(
            f"`filters` and `filters_step` must be multiples of {REDUCTION}, by which "
            f"the gates divide. Received: {ranges.filters}, {ranges.filters_step}"
        )
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise ValueError(
            "`input_shape` must be height, width and channels, 1 or more. "
            f"Received: {input_shape}"
        )
