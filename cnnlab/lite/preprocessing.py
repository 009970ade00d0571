"""How a picture becomes the input of a network: what must go with its weights.

Taught in notebooks/15_tflite_quantization.ipynb.
"""

import math
from typing import NamedTuple

CHANNELS = {"RGB": 3, "BGR": 3, "grey": 1}
RESIZINGS = ("crop", "stretch")


class Preprocessing(NamedTuple):
    """How a picture becomes the input of a network.

    Attributes:
        height: Rows of the input.
        width: Columns of the input.
        colours: Order of the channels, "RGB", "BGR" or "grey".
        low: Value of black.
        high: Value of white, of each channel.
        resizing: What is done about another aspect ratio: "crop" keeps the middle,
            "stretch" distorts. Values between pixels are interpolated linearly, over
            an area when the picture shrinks.
    """

    height: int
    width: int
    colours: str = "RGB"
    low: float = 0.0
    high: float = 1.0
    resizing: str = "crop"

    @property
    def input_shape(self):
        """Shape of one image: height, width, channels."""
        return self.height, self.width, CHANNELS[self.colours]

    def check(self):
        """Raises a ValueError unless every field is usable."""
        sizes = (self.height, self.width)
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            raise ValueError(
                f"Height and width are positive integers. Received: {sizes}"
            )
        values = (self.low, self.high)
        numbers = all(isinstance(value, (int, float)) for value in values)
        if not (numbers and -math.inf < self.low < self.high < math.inf):
            raise ValueError(f"`low` is a number below `high`. Received: {values}")
        if self.colours not in tuple(CHANNELS):  # it may be no string
            raise ValueError(
                f"Colours are {', '.join(CHANNELS)}. Received: {self.colours!r}"
            )
        if self.resizing not in RESIZINGS:
            raise ValueError(
                f"Resizing is {' or '.join(RESIZINGS)}. Received: {self.resizing!r}"
            )
