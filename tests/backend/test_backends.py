"""What promises to run on any backend of Keras: built, fitted and reloaded once each.

`make backend` runs this on JAX. On TensorFlow the unit tests do all of it, and more.
"""

import ast
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from cnnlab.evaluate import classification, cost
from cnnlab.evaluate.latency import Latency, latency
from cnnlab.evaluate.receptive_field import ReceptiveField, receptive_field
from cnnlab.layers import whitening as whitening_layer
from cnnlab.layers.cbam import cbam, channel_gate, spatial_gate
from cnnlab.layers.conv_norm import conv_norm, norm_act
from cnnlab.layers.fast_bias import FastBias
from cnnlab.layers.mbconv import mbconv
from cnnlab.layers.squeeze_excite import squeeze_excite
from cnnlab.models import backbone, efficientnet, video
from cnnlab.models.fast_cnn import fast_cnn
from cnnlab.models.modern_cnn import modern_cnn, simple_cnn
from cnnlab.models.resnet import resnet_small
from cnnlab.train import batches, fast, fit, schedules
from cnnlab.train.progress import EpochTimes, Progress

PACKAGE = Path(__file__).parents[2] / "cnnlab"
ROOMS = ["layers", "models", "train", "evaluate"]
# What other rooms know, and what is tested through its only caller.
INDIRECT = {"scaled_blocks", "scale_filters", "channels_between", "factorized"}
SHAPE = (16, 16, 3)
IMAGES = np.random.default_rng(0).random((4, *SHAPE), "float32")
LABELS = np.array([0, 1, 2, 0])
CLIPS = IMAGES.reshape(4, 4, 8, 8, 3)
WHITENING = whitening_layer.whitening_filters(IMAGES)


def test_every_public_name_of_the_rooms_is_used_here():
    tree = ast.parse(Path(__file__).read_text())
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert public_names() - used - INDIRECT == set()


def public_names():
    """Names that the rooms define, functions and classes."""
    return {
        node.name
        for room in ROOMS
        for path in (PACKAGE / room).glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        if not node.name.startswith("_")
    }


def classifier(*blocks):
    """A small network around blocks from feature map to feature map."""
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(8, 3, strides=2)(inputs)
    for block in blocks:
        x = block(x)
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def build_attention():
    return classifier(
        lambda x: cbam(x, 4, 3),
        lambda x: channel_gate(x, 4),
        lambda x: spatial_gate(x, 3),
        lambda x: squeeze_excite(x, 4),
    )


def build_blocks():
    return classifier(
        lambda x: conv_norm(x, 8, activation="relu"),
        lambda x: norm_act(x, "swish"),
        lambda x: mbconv(x, 8, drop_path=0.2),
        FastBias(64),
    )


def build_whitening():
    inputs = keras.Input(SHAPE)
    x = whitening_layer.whitening(inputs, *WHITENING)
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


NETWORKS = {
    "attention": (build_attention, IMAGES),
    "blocks": (build_blocks, IMAGES),
    "whitening": (build_whitening, IMAGES),
    "simple": (lambda: simple_cnn(SHAPE, 3), IMAGES),
    "modern": (lambda: modern_cnn(SHAPE, 3, filters=(4, 4, 8)), IMAGES),
    "residual": (lambda: resnet_small(SHAPE, 3, num_blocks=1), IMAGES),
    "fast": (lambda: fast_cnn(WHITENING, SHAPE, 3, filters=(4, 4, 8)), IMAGES),
    "3D": (
        lambda: video.cnn3d(
            CLIPS.shape[1:], 3, filters=(4, 8), pools=((1, 2, 2), (2, 2, 2))
        ),
        CLIPS,
    ),
    "(2+1)D": (
        lambda: video.cnn3d(
            CLIPS.shape[1:],
            3,
            filters=(4, 8),
            pools=((1, 2, 2), (2, 2, 2)),
            factorize=True,
        ),
        CLIPS,
    ),
    "frames": (lambda: video.frame_average(CLIPS.shape[1:], 3, filters=(4, 8)), CLIPS),
}


SLOW = {"(2+1)D"}  # compiled for a quarter of a minute
BY_TIER = [
    pytest.param(name, marks=pytest.mark.nightly) if name in SLOW else name
    for name in NETWORKS
]


@pytest.mark.parametrize("name", BY_TIER)
def test_network_learns_and_reloads_with_the_same_answers(name, tmp_path):
    build, images = NETWORKS[name]
    keras.utils.set_random_seed(0)
    model = build()
    untrained = [np.array(weight) for weight in model.get_weights()]
    history = fit.train(
        model, (images, LABELS), (images, LABELS), epochs=1, optimizer="sgd"
    )
    assert np.isfinite(history["loss"]).all()
    assert any((a != b).any() for a, b in zip(untrained, model.get_weights()))
    check_reload(model, images, tmp_path)


def check_reload(model, images, folder):
    model.save(folder / "model.keras")
    reloaded = keras.models.load_model(folder / "model.keras")
    probabilities = classification.predict(model, images)
    np.testing.assert_allclose(
        classification.predict(reloaded, images), probabilities, atol=1e-6
    )


@pytest.mark.nightly
def test_efficientnet_takes_the_weights_of_keras_applications():
    """Built alone: to train it costs more than all other networks together."""
    model = efficientnet.efficientnet("b0", (32, 32, 3), 3)
    source = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    efficientnet.copy_weights(model, source)
    assert cost.count_parameters(model)[0] > 4_000_000


def test_head_of_a_frozen_backbone_learns_alone():
    base = backbone.backbone("MobileNet 0.75", None, (32, 32, 3))
    model = backbone.with_head(base, 3)
    backbone.freeze(model)
    assert cost.count_parameters(model)[0] == 768 * 3 + 3
    assert np.array(model(np.zeros((1, 32, 32, 3), "float32"))).shape == (1, 3)


def test_fast_recipe_trains_counts_its_speed_and_reloads(tmp_path):
    model = simple_cnn(SHAPE, 3)
    train_set = IMAGES, LABELS
    assert len(batches.Epochs(*train_set, 2)) == 2
    history = fast.train_fast(model, train_set, epochs=3, batch_size=2)
    assert len(history["loss"]) == 3
    assert isinstance(model.optimizer, fast.Lookahead)
    check_reload(model, IMAGES, tmp_path)
    speed = fast.throughput(model, train_set, batch_size=2, seconds=0.05)
    assert speed > 0


def test_rate_rises_and_falls_on_tensors():
    rate = schedules.Triangle(1.0, 100)
    rates = [float(rate(keras.ops.convert_to_tensor(step))) for step in (0, 23, 100)]
    np.testing.assert_allclose(rates, [0.2, 1, 0.07], rtol=1e-5)


def test_runs_of_several_seeds_stop_where_nothing_gets_better(capsys):
    train_set, val_set = batches.split(IMAGES, LABELS, 2)
    ((model, history),) = fit.train_seeds(
        lambda: classifier(FastBias(4)),
        train_set,
        val_set,
        seeds=[0],
        epochs=4,
        optimizer=lambda: keras.optimizers.SGD(1e-9),
        callbacks=lambda: [
            *schedules.plateau_and_stop(1, 2),
            Progress("again"),
            EpochTimes(),
        ],
    )
    fit.check_ends_in_logits(model)
    assert len(history["val_loss"]) == len(history["seconds"]) <= 4
    assert "again" in capsys.readouterr().out
    assert fit.history_as_floats(model.history)["loss"] == history["loss"]


def test_costs_and_the_field_of_a_network_are_computed():
    model = simple_cnn(SHAPE, 3)
    assert cost.multiply_accumulates(model) > 0
    assert isinstance(receptive_field(model, model.layers[1].name), ReceptiveField)
    assert isinstance(latency(model, num_runs=3, num_warmups=1), Latency)


def test_probabilities_are_judged():
    probabilities = np.eye(3)[[0, 1, 2, 1]]
    assert classification.accuracy(probabilities, LABELS) == 0.75
    assert classification.confusion(probabilities, LABELS).trace() == 3
    assert classification.worst_mistakes(probabilities, LABELS, 1).tolist() == [3]
