"""Committed weights are as accurate as their card says; quantising is as recorded."""

import keras
import pytest
from computed import percent, values

from cnnlab import records
from cnnlab.compress.quantize_aware.model import quantize_aware
from cnnlab.data import cifar10
from cnnlab.evaluate.classification import accuracy
from cnnlab.lite import interpreter
from cnnlab.lite.convert import convert
from cnnlab.lite.parity import agreement
from experiments.lesson_02.modern_cnn_checkpoint import checkpoint
from experiments.lesson_21 import quantize_aware as script


@pytest.mark.data
@pytest.mark.quick
def test_the_weights_have_the_accuracy_on_their_card():
    images, labels = cifar10.load("local", num_train=10)[1]
    path = checkpoint("cifar10", 0)
    logits = keras.models.load_model(path).predict(images, batch_size=500, verbose=0)
    stated = f"these weights (seed 0) {accuracy(logits, labels):.1%}"
    assert stated in path.with_suffix(".md").read_text()


@pytest.mark.data
@pytest.mark.quick
def test_float32_and_int8_decide_as_stated():
    (representative, _), (images, _), _ = cifar10.load("local", num_train=500)
    model = keras.models.load_model(checkpoint("cifar10", 0))
    logits = model.predict(images, batch_size=500, verbose=0)
    scores = interpreter.predict(convert(model, "float32"), images)
    assert agreement(logits, scores).same_decisions == 1
    scores = interpreter.predict(convert(model, "int8", representative), images)
    recorded = values("tflite_cost", "same_decisions", arm="TFLite int8")[0]
    found = agreement(logits, scores).same_decisions
    assert found == pytest.approx(recorded, abs=0.003)


@pytest.mark.data
def test_a_recorded_network_comes_out_again():
    name = "quantize_aware_cifar10"
    assert script.load("cifar10")[-1].checksum == records.read(name).checksum[0]
    path = records.data_path("checkpoints/mobilenet_start_cifar10.keras")
    aware = quantize_aware(keras.models.load_model(path), per_channel=False)
    keras.utils.set_random_seed(0)
    script.fit(aware, "cifar10", script.BUDGET["epochs_of_fine_tuning"], "again")
    found = script.measure(aware, "cifar10", ["tensor"])[-1]["test_accuracy"]
    recorded = percent(name, arm="aware per tensor", form="int8 per tensor")
    tolerance = 3 * recorded.std(ddof=1) + 0.5
    assert 100 * found == pytest.approx(recorded.mean(), abs=tolerance)
