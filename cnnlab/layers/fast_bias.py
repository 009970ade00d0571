"""A bias that learns faster than the weights around it.

Taught in notebooks/02_cifar10_modern_cnn.ipynb.
Source: Page 2019, https://myrtle.ai/learn/how-to-train-your-resnet-8-bag-of-tricks/;
    Jordan 2024, section 3.3, https://arxiv.org/abs/2404.00498
"""

import keras


@keras.saving.register_keras_serializable(package="cnnlab")
class FastBias(keras.layers.Layer):
    """Adds to each channel a bias that gradient descent moves `speed` times as fast.

    The layer learns `b` and adds `sqrt(speed) * b`: the factor acts once on the
    gradient and once on the step. So no optimiser need know of it. That holds for SGD,
    with momentum or without, and not for Adam, which divides the gradient by its size.
    Weight decay shrinks the bias as slowly as any other weight.

    Args:
        speed: Factor of the learning rate, positive.

    Raises:
        ValueError: If `speed` is not positive.
    """

    def __init__(self, speed=64.0, **kwargs):
        super().__init__(**kwargs)
        if speed <= 0:
            raise ValueError(f"`speed` must be positive. Received: {speed}")
        self.speed = speed

    def build(self, input_shape):
        self.bias = self.add_weight(
            shape=(input_shape[-1],), initializer="zeros", name="bias"
        )

    def call(self, x):
        return x + self.speed**0.5 * self.bias

    def get_config(self):
        return {**super().get_config(), "speed": self.speed}
