"""Costs: fair turns, a clock that is read right, memory, and what runs in float."""

import keras
import lite_networks
import pytest

from cnnlab.lite import cost


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when a test lets it."""

    class Clock:
        now = 0.0

    monkeypatch.setattr(cost.time, "perf_counter", lambda: Clock.now)
    return Clock


def test_functions_are_timed_in_turn(clock):
    order = []
    functions = {name: lambda name=name: order.append(name) for name in "ab"}
    cost.interleaved(functions, rounds=2, calls=1, warm_up=0)
    assert "".join(order) == "ab" + "aabb" * 2


def test_latency_is_the_median_with_its_quartiles_in_milliseconds(clock):
    durations = iter([9.0] + [0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008])

    def work():
        clock.now += next(durations)

    found = cost.interleaved({"work": work}, rounds=1, calls=7, warm_up=0)
    assert found["work"] == pytest.approx((5, 3, 7))


def test_slow_function_has_one_call_a_turn(clock):
    calls = []

    def slow():
        calls.append(1)
        clock.now += 0.2

    found = cost.interleaved({"slow": slow}, rounds=4, calls=10, warm_up=20)
    assert len(calls) == 5
    assert found["slow"].median == pytest.approx(200)


def test_spread_of_one_call_is_refused(clock):
    with pytest.raises(ValueError, match="raise `rounds`. Received: 1"):
        cost.interleaved({"work": lambda: None}, rounds=1, calls=1)


def test_images_of_another_size_are_refused():
    images = lite_networks.images()[:, :4]
    with pytest.raises(ValueError, match=r"shape \(N, 8, 8, 3\). Received: "):
        cost.costs({"int8": lite_networks.converted("int8")}, images)


def test_costs_of_variants_are_measured_side_by_side():
    flatbuffers = {name: lite_networks.converted(name) for name in ("float32", "int8")}
    found = cost.costs(flatbuffers, lite_networks.images()[:1], rounds=2, calls=3)
    assert list(found) == ["float32", "int8"]
    for name, measured in found.items():
        assert measured.num_bytes == len(flatbuffers[name])
        for latency in (measured.one_thread, measured.two_threads):
            assert (
                0 < latency.lower_quartile <= latency.median <= latency.upper_quartile
            )
    assert found["int8"].in_float == []
    assert ("body", "CONV_2D") in found["float32"].in_float


def test_operations_without_an_integer_kernel_are_listed():
    assert cost.float_operations(lite_networks.converted_elu()) == [
        ("activation", "ELU")
    ]


def test_peak_of_memory_grows_with_the_activations():
    small = cost.peak_kilobytes(lite_networks.converted("float32"))
    if small is None:
        pytest.skip("no /proc on this machine")
    large = cost.peak_kilobytes(lite_networks.converted_large())
    assert 0 < small < 8_000
    assert large - small > 12_000  # of the 16 MB that the first layer makes


def test_one_image_through_a_wider_network_takes_longer():
    def network(filters):
        inputs = keras.Input((16, 16, 3))
        x = keras.layers.Conv2D(filters, 3)(inputs)
        return keras.Model(inputs, keras.layers.Conv2D(filters, 3)(x))

    narrow, wide = (cost.milliseconds(network(filters), 1) for filters in (4, 96))
    assert wide > 3 * narrow  # 400 times the products
