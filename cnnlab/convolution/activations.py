"""Activation functions and their derivatives.

Taught in notebooks/01_convolution_basics.ipynb.
Source: PReLU, He et al. 2015, https://arxiv.org/abs/1502.01852; ELU, Clevert et al.
    2016, https://arxiv.org/abs/1511.07289; swish, Ramachandran et al. 2017,
    https://arxiv.org/abs/1710.05941; GELU, Hendrycks & Gimpel 2016,
    https://arxiv.org/abs/1606.08415
"""

import math

import numpy as np


def relu(x):
    """Cuts off what is negative."""
    return np.maximum(x, 0.0)


def relu_gradient(x):
    """Returns the slope of `relu`, taken as 0 at `x = 0`."""
    return np.where(x > 0, 1.0, 0.0)


def leaky_relu(x, negative_slope=0.2):
    """Scales down what is negative, instead of cutting it off."""
    return np.where(x > 0, x, negative_slope * x)


def leaky_relu_gradient(x, negative_slope=0.2):
    """Returns the slope of `leaky_relu`."""
    return np.where(x > 0, 1.0, negative_slope)


def prelu(x, alpha):
    """Is `leaky_relu` whose slope `alpha`, one per channel, is learned."""
    return leaky_relu(x, alpha)


def prelu_gradient(x, alpha):
    """Returns the slope of `prelu` in `x`."""
    return leaky_relu_gradient(x, alpha)


def prelu_alpha_gradient(x):
    """Returns the slope of `prelu` in `alpha`."""
    return np.minimum(x, 0.0)


def elu(x, alpha=1.0):
    """Saturates smoothly at `-alpha` for negative `x`."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def elu_gradient(x, alpha=1.0):
    """Returns the slope of `elu`."""
    return np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0.0)))


def relu6(x):
    """Cuts off what is below 0 and above 6: a range fit for 8-bit numbers."""
    return np.clip(x, 0.0, 6.0)


def relu6_gradient(x):
    """Returns the slope of `relu6`, taken as 0 at both bends."""
    return np.where((x > 0) & (x < 6), 1.0, 0.0)


def _sigmoid(x):
    """Computes the logistic function without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * np.asarray(x)))


def swish(x):
    """Multiplies `x` by its own sigmoid; also called SiLU."""
    return x * _sigmoid(x)


def swish_gradient(x):
    """Returns the slope of `swish`."""
    gate = _sigmoid(x)
    return gate + x * gate * (1.0 - gate)


_erf = np.vectorize(math.erf, otypes=[np.float64])  # NumPy has none


def _normal_share(x):
    """Returns the share of a standard normal distribution that lies below `x`."""
    return 0.5 * (1.0 + _erf(np.asarray(x) / math.sqrt(2.0)))


def gelu(x):
    """Multiplies `x` by the share of a normal distribution below it (exact form)."""
    return x * _normal_share(x)


def gelu_gradient(x):
    """Returns the slope of `gelu`."""
    density = np.exp(-0.5 * np.square(x)) / math.sqrt(2.0 * math.pi)
    return _normal_share(x) + x * density
