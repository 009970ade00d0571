"""A backbone: a pretrained network without its head, that others build on.

Taught in notebooks/05_transfer_learning_efficientnet.ipynb.
Source: https://keras.io/api/applications/; that features are general in early layers
    and special in late ones, Yosinski et al. 2014, section 4,
    https://arxiv.org/abs/1411.1792
Verdict: where labels are few, nothing else helps as much. It carries its past along:
    the scaling of its images, its statistics, and what it was trained on.
"""

import keras
from keras import layers

from cnnlab.models.efficientnet import copy_weights, efficientnet


def backbone(name, weights, input_shape=None):
    """Builds a pretrained network from images in [0, 1] to its last feature map.

    Every family wants its images scaled in another way; that is part of the network
    here, so that nothing can be confused. No block is dropped in training mode.

    Args:
        name: A key of `FAMILIES`.
        weights: Path of the file that `cnnlab.data.pretrained` found, or `None` for
            random weights.
        input_shape: Height, width and 3 channels; by default those of its training.

    Returns:
        A `keras.Model` from images `(B, H, W, 3)` to features `(B, h, w, C)`.

    Raises:
        ValueError: If `name` is unknown.
    """
    if name not in FAMILIES:
        raise ValueError(f"`name` must be one of {list(FAMILIES)}. Received: {name!r}")
    build, pixels = FAMILIES[name]
    path = None if weights is None else str(weights)
    return build(path, input_shape or (pixels, pixels, 3))


def with_head(base, num_classes, dropout=0.2, weights=None):
    """Puts a head on a backbone: global average pooling and one dense layer.

    Args:
        base: A network from `backbone`; its layers are shared, not copied.
        num_classes: Number of classes.
        dropout: Rate before the classifier.
        weights: Kernel `(C, num_classes)` and bias `(num_classes,)` to begin with,
            such as the old head's that `cnnlab.data.pretrained` found, or `None` for a
            head that knows nothing.

    Returns:
        A `keras.Model` from images `(B, H, W, 3)` to logits `(B, num_classes)`.

    Raises:
        ValueError: If `weights` have other shapes.
    """
    x = layers.GlobalAveragePooling2D(name="pooled")(base.output)
    x = layers.Dropout(dropout)(x)
    head = layers.Dense(num_classes, name="head")
    model = keras.Model(base.input, head(x), name=base.name)
    if weights is not None:
        _begin(head, weights)
    return model


def _begin(head, weights):
    wanted = [tuple(each.shape) for each in head.weights]
    shapes = [tuple(each.shape) for each in weights]
    if shapes != wanted:
        raise ValueError(
            "`weights` must be a kernel and a bias of the shapes "
            f"{wanted[0]} and {wanted[1]}. Received: {shapes}"
        )
    head.set_weights(weights)


def freeze(model, frozen=True, keep_statistics=True):
    """Sets which layers learn: all below the head or none of them.

    Args:
        model: A network from `with_head`; changed in place. Compile it afterwards.
        frozen: Whether the backbone stays as it is; otherwise it learns too.
        keep_statistics: Whether its batch normalisation stays frozen even so, which
            makes it use the statistics that it was trained with.
    """
    for layer in model.layers:
        is_normalization = isinstance(layer, layers.BatchNormalization)
        layer.trainable = not (frozen or is_normalization and keep_statistics)
    model.get_layer("head").trainable = True


def _efficientnet_b0(path, input_shape):
    model = efficientnet("b0", input_shape, num_classes=None, drop_path=0)
    if path:
        published = keras.applications.EfficientNetB0(
            include_top=False, weights=path, input_shape=input_shape
        )
        statistics = model.layers[1].get_weights()
        copy_weights(model, published)
        model.layers[1].set_weights(statistics)  # the file has deviations for variances
        model.layers[1].finalize_state()
    return model


def _efficientnet_small(path, input_shape):
    model = efficientnet("small", input_shape, num_classes=None, drop_path=0)
    if path:
        trained = keras.models.load_model(path)
        copy_weights(model, keras.Model(trained.input, trained.layers[-1].input))
    return model


def _mobilenet(build, alpha):
    def build_from(path, input_shape):
        images = keras.Input(input_shape)
        scaled = layers.Rescaling(2.0, -1.0)(images)  # to [-1, 1]
        options = {"input_tensor": scaled, "alpha": alpha, "include_top": False}
        built = build(weights=path, **options)
        return keras.Model(images, built.output, name=built.name)

    return build_from


FAMILIES = {  # name: (function that builds it, pixels of its training)
    "EfficientNet-B0": (_efficientnet_b0, 224),
    "MobileNet 0.75": (_mobilenet(keras.applications.MobileNet, 0.75), 224),
    "MobileNetV2 0.35": (_mobilenet(keras.applications.MobileNetV2, 0.35), 224),
    "EfficientNet small": (_efficientnet_small, 32),
}
