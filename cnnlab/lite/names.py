"""Names in a converted model, and the Keras layers that they come from.

Keras opens a layer's name scope twice, to build the layer and to call it, so TensorFlow
appends a number to the second: operations of the layer `conv2d` are found under
`conv2d_1`, and those of a layer `conv2d_1` under `conv2d_1_2`.
"""

import re

SCOPE = re.compile(r"(.+)_\d+")  # a layer's name and the number of its scope
KERNEL = re.compile("conv|depthwise|MatMul|Tensordot")  # operations with weights


def layer_of(name):
    """Finds the Keras layer that a tensor of a converted model comes from.

    Args:
        name: A tensor's name such as `"model_1/conv_1/convolution"`; where the
            converter has fused operations, it joins their names with semicolons.

    Returns:
        The layer's name, that of a layer in a nested model with the path to it, such as
        `"backbone/conv"`; of fused layers the one with a kernel, or the first. None if
        the name has no layer.
    """
    parts = name.split(";")
    kernels = [part for part in parts if KERNEL.search(part.rsplit("/", 1)[-1])]
    return next(filter(None, map(_layer, kernels + parts)), None)


def _layer(name):
    layers = []
    for part in name.split("/")[1:-1]:  # between the model's scope and the operation
        scope = SCOPE.fullmatch(part)
        if not scope:
            break
        layers.append(scope[1])
    return "/".join(layers)
