"""A backbone scales its images itself; a head is put on it, and it is frozen."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnlab.models import backbone as module
from cnnlab.models.backbone import backbone, freeze, with_head
from cnnlab.models.efficientnet import VARIANTS
from cnnlab.records import data_path

ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="compiled shape by shape, this takes JAX ten seconds and more",
)


@pytest.fixture
def model():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(inputs)
    x = layers.BatchNormalization()(x)
    return with_head(keras.Model(inputs, x, name="toy"), 5, dropout=0.1)


def test_head_pools_and_gives_logits(model):
    assert model.name == "toy"
    assert model.output_shape == (None, 5)
    assert model.get_layer("pooled").output.shape == (None, 4)
    assert [x.rate for x in model.layers if isinstance(x, layers.Dropout)] == [0.1]


def test_head_may_begin_with_given_weights(model):
    random = np.random.default_rng(0)
    base = keras.Model(model.input, model.layers[2].output)
    weights = random.random((4, 2), "float32"), random.random(2, "float32")
    kept = with_head(base, 2, weights=weights)
    x = random.random((3, 8, 8, 3), "float32")
    pooled = np.array(base(x)).mean((1, 2))
    np.testing.assert_allclose(kept(x), pooled @ weights[0] + weights[1], atol=1e-5)


@pytest.mark.parametrize("shapes", [[(4, 3), (3,)], [(2, 4), (2,)], [(4, 2)]])
def test_weights_of_a_head_must_fit(model, shapes):
    base = keras.Model(model.input, model.layers[2].output)
    message = r"the shapes \(4, 2\) and \(2,\). Received: \[\("
    with pytest.raises(ValueError, match=message):
        with_head(base, 2, weights=[np.zeros(shape) for shape in shapes])


def test_frozen_backbone_leaves_the_head_to_learn(model):
    freeze(model)
    assert len(model.trainable_weights) == 2
    assert [x.name for x in model.layers if x.trainable] == ["head"]


@pytest.mark.parametrize(("keep", "num_weights"), [(True, 4), (False, 6)])
def test_statistics_stay_frozen_unless_they_are_let_go(model, keep, num_weights):
    freeze(model)
    freeze(model, frozen=False, keep_statistics=keep)
    assert len(model.trainable_weights) == num_weights


def test_frozen_statistics_do_not_move_in_training(model):
    x = np.random.default_rng(0).random((16, 8, 8, 3), "float32")
    freeze(model, frozen=False)
    normalization = model.layers[2]
    before = np.array(normalization.moving_mean)
    model(x, training=True)
    np.testing.assert_array_equal(normalization.moving_mean, before)
    freeze(model, frozen=False, keep_statistics=False)
    model(x, training=True)
    assert np.abs(np.array(normalization.moving_mean) - before).max() > 0


@ON_TENSORFLOW
def test_mobilenet_scales_images_as_its_family_wants_them(tmp_path):
    keras.utils.set_random_seed(0)
    options = {"alpha": 0.35, "include_top": False, "input_shape": (32, 32, 3)}
    published = keras.applications.MobileNetV2(weights=None, **options)
    published.save_weights(tmp_path / "a.weights.h5")
    base = backbone("MobileNetV2 0.35", tmp_path / "a.weights.h5", (32, 32, 3))
    images = np.random.default_rng(0).random((2, 32, 32, 3), "float32")
    scaled = keras.applications.mobilenet_v2.preprocess_input(255 * images)
    np.testing.assert_allclose(base.layers[1](images), scaled, atol=1e-5)
    expected = np.array(published(scaled))
    np.testing.assert_allclose(base(images), expected, atol=1e-3 * expected.std())


@ON_TENSORFLOW
def test_small_network_comes_without_its_head(tmp_path, monkeypatch):
    slim = (0.1, 0.1, *VARIANTS["small"][2:])
    monkeypatch.setitem(VARIANTS, "small", slim)
    trained = module.efficientnet("small", num_classes=3)
    trained.save(tmp_path / "small.keras")
    base = backbone("EfficientNet small", tmp_path / "small.keras", (64, 64, 3))
    assert base.output_shape == (None, 8, 8, 128)
    for new, old in zip(base.get_weights(), trained.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(new, old)


def test_unknown_backbone_is_refused():
    message = r"`name` must be one of \['EfficientNet-B0', .*Received: 'ResNet'"
    with pytest.raises(ValueError, match=message):
        backbone("ResNet", None)


@ON_TENSORFLOW
def test_the_committed_weights_of_the_small_network_fit():
    path = data_path("checkpoints/efficientnet_small_cifar10.keras")
    trained, base = keras.models.load_model(path), backbone("EfficientNet small", path)
    image = np.random.default_rng(0).random((1, 32, 32, 3), "float32")
    features = keras.Model(trained.input, trained.layers[-1].input)(image)
    pooled = np.mean(base(image), axis=(1, 2))
    np.testing.assert_allclose(pooled, features, atol=1e-5)
