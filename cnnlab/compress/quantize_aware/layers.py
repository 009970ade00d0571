"""Two layers that round in training what eight bits will round for good.

Taught in notebooks/15_tflite_quantization.ipynb.
Source: Jacob et al. 2018, section 3, https://arxiv.org/abs/1712.05877;
    straight-through gradient, Bengio et al. 2013, https://arxiv.org/abs/1308.3432
Kernels: int8 from -127 to 127, zero point 0, one scale for each output channel (or one
for the whole kernel).
Activations: int8, one scale and zero point for the tensor. Both as in TFLite's
specification, https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
"""

import keras
import tensorflow as tf
from keras import layers, ops

SMALLEST_SCALE = 1e-9  # of a channel whose kernel is all zero


def fake_quantize_kernel(kernel, kept_axes=1):
    """Rounds a kernel to the 255 values that int8 gives to each scale.

    Args:
        kernel: Tensor of shape `(..., C)`, or `(H, W, C, M)` if it is depthwise.
        kept_axes: How many of its last axes have scales of their own: 1 for each
            output channel, 2 for those of a depthwise kernel, 0 for one in all.

    Returns:
        A tensor of that shape. The gradient passes the rounding unchanged.
    """
    if not kept_axes:
        limit = ops.stop_gradient(ops.max(ops.abs(kernel)))
        return tf.quantization.fake_quant_with_min_max_vars(
            kernel, -limit, limit, narrow_range=True
        )
    axes = tuple(range(len(kernel.shape) - kept_axes))
    scale = ops.max(ops.abs(kernel), axis=axes, keepdims=True) / 127
    scale = ops.stop_gradient(ops.maximum(scale, SMALLEST_SCALE))
    return kernel + ops.stop_gradient(ops.round(kernel / scale) * scale - kernel)


@keras.saving.register_keras_serializable(package="cnnlab")
class FakeQuantize(layers.Layer):
    """Rounds an activation to 256 values between a minimum and a maximum.

    The two follow the activation while it is trained: the mean over the first steps,
    then a running mean, of each batch's own minimum and maximum. Zero is always one of
    the values. The gradient passes inside of the range and vanishes outside.
    """

    def __init__(self, momentum=0.99, limits=None, **kwargs):
        """Describes the range.

        Args:
            momentum: Weight of the past in the running mean, in [0, 1).
            limits: `(minimum, maximum)` of an activation whose range is known
                beforehand; it is then not measured.

        Raises:
            ValueError: If `momentum` is not in [0, 1).
        """
        super().__init__(**kwargs)
        if not 0 <= momentum < 1:
            raise ValueError(f"`momentum` must be in [0, 1). Received: {momentum}")
        self.momentum, self.limits = momentum, limits

    def build(self, input_shape):
        low, high = self.limits or (-6.0, 6.0)  # until the first batch is seen
        self.minimum = self._weight("minimum", low)
        self.maximum = self._weight("maximum", high)
        self.steps = self._weight("steps", 0.0)

    def _weight(self, name, value):
        constant = keras.initializers.Constant(value)
        return self.add_weight(
            shape=(), initializer=constant, trainable=False, name=name
        )

    def call(self, x, training=False):
        if training and self.limits is None:
            self._follow(x)
        return tf.quantization.fake_quant_with_min_max_vars(
            x, self.minimum, self.maximum
        )

    def _follow(self, x):
        past = ops.minimum(self.momentum, self.steps / (self.steps + 1))
        low, high = ops.minimum(ops.min(x), 0.0), ops.maximum(ops.max(x), 0.0)
        self.minimum.assign(past * self.minimum + (1 - past) * low)
        self.maximum.assign(past * self.maximum + (1 - past) * high)
        self.steps.assign(self.steps + 1)

    def get_config(self):
        own = {"momentum": self.momentum, "limits": self.limits}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="cnnlab")
class QuantizedKernel(layers.Layer):
    """A convolution or dense layer that multiplies by its rounded kernel.

    The bias stays exact: TFLite keeps it in 32 bits.
    """

    def __init__(self, layer, per_channel=True, **kwargs):
        """Takes the layer, and how many scales its kernel has.

        Args:
            layer: A `Conv2D`, `DepthwiseConv2D` or `Dense` layer without activation.
            per_channel: Whether each output channel has a scale of its own. Those of a
                dense layer have it anyhow, as in TFLite.
        """
        super().__init__(**kwargs)
        self.layer, self.per_channel = layer, per_channel

    def build(self, input_shape):
        if isinstance(self.layer, layers.Dense) and len(input_shape) not in (2, 4):
            raise ValueError(
                "A dense layer in int8 takes vectors (B, C) or maps (B, H, W, C). "
                f"Received: {tuple(input_shape)} at layer {self.name!r}"
            )
        if not self.layer.built:
            self.layer.build(input_shape)

    def call(self, x):
        layer, kernel = self.layer, self.layer.kernel
        if isinstance(layer, layers.DepthwiseConv2D):
            settings = ("strides", "padding", "dilation_rate")
            settings = {name: getattr(layer, name) for name in settings}
            kernel = fake_quantize_kernel(kernel, 2 * self.per_channel)
            x = ops.depthwise_conv(x, kernel, **settings)
        elif isinstance(layer, layers.Conv2D):
            kernel = fake_quantize_kernel(kernel, self.per_channel)
            x = layer.convolution_op(x, kernel)
        elif len(x.shape) == 4:  # TFLite's product of a map and a matrix is in float
            kernel = fake_quantize_kernel(kernel, self.per_channel)
            x = ops.conv(x, kernel[None, None])
        else:
            x = ops.matmul(x, fake_quantize_kernel(kernel))
        return x + layer.bias if layer.use_bias else x

    def get_config(self):
        layer = keras.saving.serialize_keras_object(self.layer)
        own = {"layer": layer, "per_channel": self.per_channel}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        layer = keras.saving.deserialize_keras_object(config.pop("layer"))
        return cls(layer, **config)
