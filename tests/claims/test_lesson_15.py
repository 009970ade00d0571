"""What README and lesson 15 state, on real CIFAR-10."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import modern_cnn_checkpoint
import quantize_aware as script
import record
import tflite_cost

from cnnlab.compress.quantize_aware.model import quantize_aware
from cnnlab.data import cifar10
from cnnlab.evaluate.classification import accuracy
from cnnlab.lite import interpreter
from cnnlab.lite.convert import convert
from cnnlab.lite.parity import agreement


def percent(part, kind=None, data_name="cifar10"):
    """Test accuracies of one form of the mobile network, in the order of the seeds."""
    runs = record.read(f"quantize_aware_{data_name}")["runs"]
    found = [run[part][kind] if kind else run[part] for run in runs]
    return 100 * np.array([each["test_accuracy"] for each in found])


def of_contestants(name, key):
    """What the record of costs holds of one runtime, in the order of the seeds."""
    runs = record.read("tflite_cost")["runs"]
    return np.array([run["contestants"][name][key] for run in runs])


@pytest.mark.quick
@pytest.mark.parametrize("data_name", ["cifar10", "scenes"])
def test_every_seed_was_recorded_at_the_stated_budget(data_name):
    content = record.read(f"quantize_aware_{data_name}")
    assert [run["seed"] for run in content["runs"]] == list(script.SEEDS)
    assert content["budget"] == script.BUDGET


@pytest.mark.quick
@pytest.mark.parametrize(
    ("part", "kind", "stated"),
    [
        ("control", None, "62.7 ± 0.7"),
        ("control", "int8_channel", "62.4 ± 0.4"),
        ("control", "int8_tensor", "13.1 ± 3.4"),
        ("aware_channel", "int8_channel", "62.8 ± 0.6"),
        ("aware_tensor", "int8_tensor", "56.9 ± 2.0"),
    ],
)
def test_each_form_of_the_mobile_network_reaches_what_is_stated(part, kind, stated):
    values = percent(part, kind)
    assert record.stated(values) == stated


@pytest.mark.quick
@pytest.mark.parametrize("data_name", ["cifar10", "scenes"])
def test_training_recovers_more_than_half_of_the_loss_with_every_seed(data_name):
    float_, lost, aware = (
        percent(part, kind, data_name)
        for part, kind in (
            ("control", None),
            ("control", "int8_tensor"),
            ("aware_tensor", "int8_tensor"),
        )
    )
    assert ((aware - lost) / (float_ - lost)).min() > 0.8


@pytest.mark.quick
def test_with_a_scale_for_each_filter_training_adds_nothing_clear():
    gain = percent("aware_channel", "int8_channel") - percent("control", "int8_channel")
    assert abs(gain.mean()) < 2 * gain.std(ddof=1)


@pytest.mark.quick
def test_the_costs_were_recorded_of_three_seeds():
    runs = record.read("tflite_cost")["runs"]
    assert [run["seed"] for run in runs] == list(tflite_cost.SEEDS)
    assert all(holds for _, holds in tflite_cost.claims(runs).values())


@pytest.mark.quick
def test_int8_is_as_small_as_fast_and_as_right_as_stated():
    whole, small = (of_contestants(f"TFLite {v}", "bytes") for v in ("float32", "int8"))
    assert f"{np.mean(whole / small):.2f}" == "3.55"
    whole, small = (
        of_contestants(f"TFLite {v}", "milliseconds_1")[:, 0]
        for v in ("float32", "int8")
    )
    assert f"{np.median(whole):.2f} {np.median(small):.3f}" == "0.24 0.073"
    assert f"{np.median(whole / small):.1f}" == "3.4"
    same = 100 * of_contestants("TFLite int8", "same_decisions")
    assert f"{same.min():.1f} {same.mean():.1f} {same.max():.1f}" == "98.1 98.4 98.6"
    keras_ = [run["keras_accuracy"] for run in record.read("tflite_cost")["runs"]]
    lost = 100 * (np.array(keras_) - of_contestants("TFLite int8", "accuracy"))
    assert f"{lost.min():.1f} {lost.max():.2f}" == "0.1 0.33"


@pytest.mark.quick
def test_the_variants_have_the_sizes_stated():
    names = ("float32", "float16", "dynamic range", "int8", "16x8")
    kilobytes = [of_contestants(f"TFLite {name}", "bytes")[0] / 1000 for name in names]
    assert [round(size) for size in kilobytes] == [638, 327, 175, 180, 186]


@pytest.mark.quick
def test_other_runtimes_are_as_fast_as_stated():
    def median(name):
        return np.median(of_contestants(name, "milliseconds_1")[:, 0])

    level = median("ONNX Runtime float32") / median("TFLite float32")
    assert level == pytest.approx(1, abs=0.02)
    twice = median("ONNX Runtime int8") / median("TFLite int8")
    assert f"{twice:.1f}" == "2.0"
    assert f"{median('PyTorch eager float32') / median('TFLite float32'):.1f}" == "3.6"
    uneven = of_contestants("TFLite float32", "milliseconds_2")[:, 1:]
    assert f"{uneven.min():.2f} {uneven.max():.2f}" == "0.16 0.26"


@pytest.mark.quick
def test_the_weights_have_the_accuracy_on_their_card():
    images, labels = cifar10.load("local", num_train=10)[1]
    path = modern_cnn_checkpoint.checkpoint("cifar10", 0)
    logits = keras.models.load_model(path).predict(images, batch_size=500, verbose=0)
    stated = f"these weights (seed 0) {accuracy(logits, labels):.1%}"
    assert stated in path.with_suffix(".md").read_text()


@pytest.mark.quick
def test_float32_and_int8_decide_as_stated():
    (representative, _), (images, _), _ = cifar10.load("local", num_train=500)
    model = keras.models.load_model(modern_cnn_checkpoint.checkpoint("cifar10", 0))
    logits = model.predict(images, batch_size=500, verbose=0)
    scores = interpreter.predict(convert(model, "float32"), images)
    assert agreement(logits, scores).same_decisions == 1
    scores = interpreter.predict(convert(model, "int8", representative), images)
    recorded = of_contestants("TFLite int8", "same_decisions")[0]
    found = agreement(logits, scores).same_decisions
    assert found == pytest.approx(recorded, abs=0.003)


def test_a_recorded_network_comes_out_again():
    content = record.read("quantize_aware_cifar10")
    assert script.load("cifar10")[-1].checksum == content["checksum"]
    path = script.COMMITTED / "mobilenet_start_cifar10.keras"
    aware = quantize_aware(keras.models.load_model(path), per_channel=False)
    keras.utils.set_random_seed(0)
    script.fit(aware, "cifar10", script.BUDGET["epochs_of_fine_tuning"], "again")
    found = script.measure(aware, "cifar10", ["tensor"])["int8_tensor"]
    values = percent("aware_tensor", "int8_tensor")
    tolerance = 3 * values.std(ddof=1) + 0.5
    again = 100 * found["test_accuracy"]
    assert again == pytest.approx(values.mean(), abs=tolerance)
