"""EfficientNet: one small network, grown in depth, width and resolution together.

Taught in notebooks/05_transfer_learning_efficientnet.ipynb.
Source: Tan & Le 2019, https://arxiv.org/abs/1905.11946: compound scaling is section
    3.3, the stages are table 1, what B0 to B7 reach is table 2. The Lite networks are
    `efficientnet_lite_params` of
    https://github.com/tensorflow/tpu/blob/master/models/official/efficientnet/lite/efficientnet_lite_builder.py
Verdict: few parameters and multiplications for their accuracy, and pretrained weights
    that are easy to have: a good start where labels are few. The counts flatter:
    depthwise convolutions keep hardware waiting for memory, and plainer networks
    trained the same way are as accurate and faster on a GPU (abstract of
    Radosavovic et al. 2020, https://arxiv.org/abs/2003.13678).
"""

import math
from string import ascii_lowercase

import keras
import numpy as np
from keras import layers

from cnnlab.layers.conv_norm import conv_norm
from cnnlab.layers.mbconv import HE_FAN_OUT, mbconv

STAGES = (  # expansion, filters, blocks, kernel size
    (1, 16, 1, 3),
    (6, 24, 2, 3),
    (6, 40, 2, 5),
    (6, 80, 3, 3),
    (6, 112, 3, 5),
    (6, 192, 4, 5),
    (6, 320, 1, 3),
)
STRIDES = (2, 1, 2, 2, 2, 1, 2, 1)  # of the stem, then of each stage
# The authors' values; up to B3 they are the formula's, from B4 on they exceed it.
VARIANTS = {  # width, depth, pixels, dropout, strides
    "b0": (1.0, 1.0, 224, 0.2, STRIDES),
    "b1": (1.0, 1.1, 240, 0.2, STRIDES),
    "b2": (1.1, 1.2, 260, 0.3, STRIDES),
    "b3": (1.2, 1.4, 300, 0.3, STRIDES),
    "b4": (1.4, 1.8, 380, 0.4, STRIDES),
    "b5": (1.6, 2.2, 456, 0.4, STRIDES),
    "b6": (1.8, 2.6, 528, 0.5, STRIDES),
    "b7": (2.0, 3.1, 600, 0.5, STRIDES),
    "lite0": (1.0, 1.0, 224, 0.2, STRIDES),
    "lite1": (1.0, 1.1, 240, 0.2, STRIDES),
    "lite2": (1.1, 1.2, 260, 0.3, STRIDES),
    "lite3": (1.2, 1.4, 280, 0.3, STRIDES),
    "lite4": (1.4, 1.8, 300, 0.3, STRIDES),
    "small": (0.6, 0.6, 32, 0.2, (1, 1, 2, 2, 1, 1, 2, 1)),
}
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, in [0, 1]


def efficientnet(
    variant="b0",
    input_shape=None,
    num_classes=1000,
    *,
    dropout=None,
    drop_path=0.2,
):
    """Builds a member of the family, without pretrained weights.

    The first layer normalises images by the statistics of ImageNet; it holds 7 of the
    parameters and does not learn. The Lite networks are for small processors and for
    integers: they have no such layer, no squeeze-and-excitation and ReLU6 in place of
    swish, and the stem and the last convolution, and the depth of the first stage and
    of the last, are not scaled. `"small"` is ours, for images of 32x32: the widths
    and depths of B0 times 0.6, without the halvings of the stem and of stage 4, so
    that stage 1 sees every pixel and the last stage a map of 4x4. Batch normalisation
    keeps its running statistics with momentum 0.9, where the paper has 0.99.

    Args:
        variant: A name in `VARIANTS`.
        input_shape: Height, width and 3 channels of an image with values in [0, 1],
            and of a Lite network in [-1, 1]; height and width may be `None`. By
            default the variant's own resolution.
        num_classes: Number of classes, or `None` for a network without a head.
        dropout: Rate before the classifier, by default the variant's own.
        drop_path: Probability that the last residual branch is dropped; it grows
            linearly from 0 at the first block.

    Returns:
        A `keras.Model` from images `(B, H, W, 3)` to logits `(B, num_classes)`, or
        without a head to the last feature map.

    Raises:
        ValueError: If `variant` is unknown or an image has not 3 channels.
    """
    if variant not in VARIANTS:
        raise ValueError(
            f"`variant` must be one of {list(VARIANTS)}. Received: {variant!r}"
        )
    width, depth, pixels, rate, strides = VARIANTS[variant]
    input_shape = input_shape or (pixels, pixels, 3)
    if len(input_shape) != 3 or input_shape[-1] != 3:
        raise ValueError(
            "`input_shape` must be height, width and 3 channels. "
            f"Received: {tuple(input_shape)}"
        )
    is_lite = variant.startswith("lite")
    activation = "relu6" if is_lite else "swish"
    stem, last = (
        filters if is_lite else scale_filters(filters, width) for filters in (32, 1280)
    )
    inputs = keras.Input(input_shape)
    x = inputs if is_lite else _normalization(inputs)
    x = conv_norm(x, stem, 3, strides[0], kernel_initializer=HE_FAN_OUT)
    x = layers.Activation(activation, name="stem")(x)
    for options in scaled_blocks(width, depth, strides[1:], drop_path, is_lite):
        x = mbconv(x, activation=activation, squeeze=not is_lite, **options)
    x = conv_norm(x, last, 1, kernel_initializer=HE_FAN_OUT)
    x = layers.Activation(activation, name="features")(x)
    if num_classes is not None:
        x = _head(x, num_classes, rate if dropout is None else dropout)
    return keras.Model(inputs, x, name=f"efficientnet_{variant}")


def scale_filters(filters, width):
    """Returns `filters * width` as a multiple of 8, at most a tenth below it."""
    scaled = max(8, int(filters * width + 4) // 8 * 8)
    return scaled if scaled >= 0.9 * filters * width else scaled + 8


def scaled_blocks(width, depth, strides, drop_path=0.2, fixed_ends=False):
    """Lists the options of each `mbconv` of a network.

    Args:
        width: Factor of the filters.
        depth: Factor of the number of blocks in a stage, rounded up.
        strides: Stride of the first block of each stage.
        drop_path: Probability that the branch of a block after the last is dropped.
        fixed_ends: Whether the first stage and the last keep their number of blocks.

    Returns:
        A list of dicts, one a block.
    """
    depths = [math.ceil(depth * num_blocks) for _, _, num_blocks, _ in STAGES]
    if fixed_ends:
        depths[0], depths[-1] = STAGES[0][2], STAGES[-1][2]
    blocks = [
        {
            "filters": scale_filters(filters, width),
            "expansion": expansion,
            "kernel_size": kernel_size,
            "strides": 1 if block else strides[stage],
            "name": f"block{stage + 1}{ascii_lowercase[block]}",
        }
        for stage, (expansion, filters, _, kernel_size) in enumerate(STAGES)
        for block in range(depths[stage])
    ]
    rates = [drop_path * index / len(blocks) for index in range(len(blocks))]
    return [options | {"drop_path": rate} for options, rate in zip(blocks, rates)]


def copy_weights(model, source):
    """Copies the weights of the `keras.applications` model of the same variant.

    Images in [0, 1] to `model` then give the features that the same images in
    [0, 255] give in `source`: its factor 1/255 falls away. The ImageNet models store
    deviations where variances belong, and mend it by a second rescaling, which is
    folded into our variances. Without its top, `source` leaves our head as it was.
    Copy before `fit` and `predict`: once compiled, they keep the old normalisation.

    Args:
        model: A network from `efficientnet`; changed in place.
        source: For example `keras.applications.EfficientNetB0(include_top=False)`.

    Raises:
        ValueError: If the weights of `source` have other shapes than those of `model`.
    """
    old = model.get_weights()
    new = [_without_1x1_window(weight) for weight in source.get_weights()]
    shapes, expected = (
        [_without_1x1_window(weight).shape for weight in some] for some in (new, old)
    )
    if shapes not in (expected, expected[:-2]):
        raise ValueError(
            "`source` must be of the same variant as `model`, with as many classes or "
            f"no top. Received: source={source.name!r}, model={model.name!r}"
        )
    for layer in source.layers:
        if isinstance(layer, layers.Rescaling) and np.ndim(layer.scale):
            new[1] = new[1] / np.square(layer.scale)  # (3,)
    fitting = [np.reshape(weight, kept.shape) for weight, kept in zip(new, old)]
    model.set_weights(fitting + old[len(new) :])
    model.layers[1].finalize_state()  # the layer computes with a copy of its weights


def _without_1x1_window(weight):
    """Returns a 1x1 convolution's kernel as that of the dense layer it is."""
    is_1x1 = weight.ndim == 4 and weight.shape[:2] == (1, 1)
    return weight[0, 0] if is_1x1 else weight


def _normalization(x):
    layer = layers.Normalization()
    layer.build(x.shape)
    layer.set_weights([np.array(MEAN), np.square(DEVIATION), np.array(0)])
    layer.finalize_state()
    return layer(x)


def _head(x, num_classes, dropout):
    """Logits, in float32 even where the network computes in half precision."""
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    initializer = keras.initializers.VarianceScaling(1 / 3, "fan_out", "uniform")
    dense = layers.Dense(num_classes, kernel_initializer=initializer, dtype="float32")
    return dense(x)
