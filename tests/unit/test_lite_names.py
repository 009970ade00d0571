"""The Keras layer is found in the names that a converter has made of it."""

import pytest

from cnnlab.lite.names import layer_of


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("model_1/conv_1/convolution", "conv"),
        ("model_1/conv2d_1_2/convolution", "conv2d_1"),  # a layer named conv2d_1
        ("model_1/backbone_1/stem_2_1/convolution", "backbone/stem_2"),
        ("model_1/norm_1/batchnorm/add_1", "norm"),
        ("m_1/relu_1/Relu;m_1/norm_1/batchnorm/mul_1;m_1/conv_1/convolution", "conv"),
        ("m_1/relu_1/Relu;;m_1/depth_1/depthwise;m_1/pad_1/Pad", "depth"),
        ("m_1/dense_1/Tensordot/MatMul1", "dense"),
        ("m_1/relu_1/Relu;m_1/pad_1/Pad", "relu"),
        ("images", None),
        ("Identity", None),
        ("model_1/add", None),  # an operation outside of layers
        ("arith.constant1", None),
    ],
)
def test_layer_is_found_in_a_name(name, layer):
    assert layer_of(name) == layer
