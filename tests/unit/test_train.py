"""Training: the split, the two callbacks, seeds, progress, the fast recipe."""

import contextlib
import io
import itertools
import re
from types import SimpleNamespace

import cv2
import keras
import numpy as np
import pytest

from cnnlab.train.batches import Epochs, split
from cnnlab.train.fast import Lookahead, throughput, train_fast
from cnnlab.train.fit import train, train_seeds
from cnnlab.train.progress import Progress
from cnnlab.train.schedules import Triangle, plateau_and_stop


def blobs(num_images, seed=0):
    """Images of two classes that differ in brightness."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, num_images)
    noise = random.random((num_images, 4, 4, 1), "float32")
    return noise * 0.5 + labels[:, None, None, None].astype("float32") * 0.5, labels


def linear():
    inputs = keras.Input((4, 4, 1))
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))


def test_split_is_disjoint_complete_and_stratified():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    (images_train, labels_train), (images_val, labels_val) = split(
        np.arange(100), labels, 20
    )
    assert sorted([*images_train, *images_val]) == list(range(100))
    assert np.bincount(labels_val).tolist() == [10, 6, 4]
    np.testing.assert_array_equal(labels[images_train], labels_train)


def test_split_depends_on_its_seed_only():
    images, labels = np.arange(40), np.arange(40) % 4
    first, again, other = (split(images, labels, 8, seed)[1][0] for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()


@pytest.mark.parametrize("num_val", [0, 10, -1])
def test_split_refuses_to_leave_a_part_empty(num_val):
    with pytest.raises(ValueError, match=rf"Received: num_val={num_val}, 10 images"):
        split(np.arange(10), np.zeros(10), num_val)


def test_split_needs_one_label_an_image():
    with pytest.raises(ValueError, match="Received: 9 labels, 10 items"):
        split(np.arange(10), np.zeros(9), 2)


def test_callbacks_are_those_of_the_recipe():
    plateau, stop = plateau_and_stop()
    assert (plateau.monitor, plateau.factor) == ("val_loss", 0.5)
    assert (plateau.patience, plateau.min_lr) == (5, 1e-7)
    assert (stop.monitor, stop.patience) == ("val_accuracy", 15)
    assert stop.restore_best_weights


def test_training_learns_and_reports_every_epoch(capsys):
    keras.utils.set_random_seed(0)
    history = train(
        linear(), blobs(400), blobs(100, 1), epochs=5, optimizer=fast(), name="linear"
    )
    assert history["val_accuracy"][-1] > 0.95
    assert {len(values) for values in history.values()} == {5}
    assert set(history) == {
        *("loss", "accuracy", "val_loss", "val_accuracy"),
        *("learning_rate", "seconds"),
    }
    assert "linear: epoch 5/5" in capsys.readouterr().out


def test_one_seed_gives_one_result_and_another_another():
    runs = train_seeds(
        linear, blobs(200), blobs(50, 1), seeds=(1, 1, 2), epochs=1, optimizer=fast
    )
    losses = [history["loss"][0] for _, history in runs]
    assert losses[0] == losses[1] != losses[2]


def test_plateau_halves_the_rate_and_then_training_stops():
    flat = np.zeros((64, 4, 4, 1), "float32"), np.arange(64) % 2
    history = train(
        linear(),
        flat,
        flat,
        epochs=8,
        optimizer=keras.optimizers.SGD(1e-6),
        callbacks=plateau_and_stop(plateau_patience=2, stop_patience=5),
    )
    # the first epoch and five without a better one
    rates = [1e-6, 1e-6, 1e-6, 0.5e-6, 0.5e-6, 0.25e-6]
    assert history["learning_rate"] == pytest.approx(rates)


def fast():
    return keras.optimizers.Adam(0.05)


def one_epoch(batches):
    """Images and class numbers of an epoch, in order; then the next one begins."""
    pairs = [batches[index] for index in range(len(batches))]
    batches.on_epoch_end()
    images, labels = (np.concatenate(parts) for parts in zip(*pairs))
    return images, labels.argmax(1)


def numbered(num_images):
    """Images that hold their own number, of classes 0, 1, 2, 0 and so on."""
    numbers = np.arange(num_images)
    images = np.zeros((num_images, 2, 2, 1), "float32") + numbers[:, None, None, None]
    return images, numbers % 3


def test_an_epoch_shows_each_image_once_and_leaves_out_the_rest():
    batches = Epochs(*numbered(11), 4)
    assert len(batches) == 2
    seen = []
    for _ in range(30):
        images, labels = one_epoch(batches)
        numbers = images[:, 0, 0, 0].astype(int)
        np.testing.assert_array_equal(labels, numbers % 3)
        assert len({*numbers}) == 8
        seen.append(tuple(numbers))
    assert len(set(seen)) == 30
    assert {number for epoch in seen for number in epoch} == set(range(11))


def test_labels_are_one_hot_floats():
    _, labels = Epochs(*numbered(6), 6)[0]
    assert (labels.shape, labels.dtype) == ((6, 3), np.float32)
    np.testing.assert_array_equal(labels.sum(1), 1)


def drawn(seed):
    """The orders of two epochs of nine images, and what each batch of three draws."""
    numbers = []

    def note(images, indices, epoch, random):
        np.testing.assert_array_equal(images[:, 0, 0, 0], indices)
        numbers.append(random.random())
        return images

    batches = Epochs(*numbered(9), 3, augment=note, seed=seed)
    orders = [one_epoch(batches)[0][:, 0, 0, 0].tolist() for _ in range(2)]
    return orders, numbers


def test_the_seed_decides_orders_and_what_each_batch_draws():
    assert drawn(1) == drawn(1)
    (orders, numbers), (other_orders, other_numbers) = drawn(1), drawn(2)
    assert len({str(order) for order in (*orders, *other_orders)}) == 4
    assert len({*numbers, *other_numbers}) == 12


def test_bytes_become_the_floats_that_they_stand_for():
    content = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 3)).astype("uint8")
    labels, kinds = np.arange(8) % 2, []

    def note(images, *_):
        kinds.append(images.dtype)
        return images

    as_bytes = Epochs(content, labels, 4, augment=note)[0]
    as_floats = Epochs(content / np.float32(255), labels, 4)[0]
    assert kinds == [np.uint8]
    assert as_bytes[0].dtype == np.float32
    np.testing.assert_array_equal(as_bytes[0], as_floats[0])


def test_a_large_batch_is_prepared_in_parts():
    images = np.random.default_rng(0).random((9, 64, 64, 3), "float32")
    called = []

    def brighten(some, indices, epoch, random):
        np.testing.assert_array_equal(some, images[indices])
        called.append((len(some), random.random()))
        return some + 1

    batches = Epochs(images, np.arange(9) % 2, 8, augment=brighten)
    found, _ = batches[0]
    np.testing.assert_array_equal(found, images[batches.order[:8]] + 1)
    counts, draws = zip(*called, strict=True)
    assert max(counts) < 8 == sum(counts)
    assert len({*draws}) == len(draws)


@pytest.mark.parametrize("batch_size", [0, 7])
def test_a_batch_must_be_filled(batch_size):
    message = f"Received: batch_size={batch_size}, 6 images"
    with pytest.raises(ValueError, match=message):
        Epochs(*numbered(6), batch_size)


def test_epochs_need_one_label_an_image():
    with pytest.raises(ValueError, match="Received: 5 labels, 6 items"):
        Epochs(numbered(6)[0], np.arange(5), 2)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.2), (100, 0.6), (200, 1.0), (600, 0.55), (1000, 0.1), (1100, 0.1)],
)
def test_the_triangle_has_its_corners_where_it_says(step, rate):
    schedule = Triangle(2.0, 1000, start=0.2, peak_at=0.2, end=0.1)
    assert float(schedule(step)) == pytest.approx(2 * rate, rel=1e-5)


def test_the_triangle_comes_back_from_its_configuration():
    schedule = Triangle(2.0, 90, start=0.3, peak_at=0.4, end=0.05)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(schedule)
    )
    assert vars(again) == vars(schedule)


@pytest.mark.parametrize(("num_steps", "peak_at"), [(0, 0.2), (9, 0), (9, 1.0)])
def test_the_triangle_needs_steps_and_a_peak_within(num_steps, peak_at):
    message = f"Received: num_steps={num_steps}, peak_at={peak_at}"
    with pytest.raises(ValueError, match=message):
        Triangle(1.0, num_steps, peak_at=peak_at)


def lookahead_by_hand(weight, gradients, rate, num_steps, interval, strongest):
    """SGD with a return every `interval` steps; the fast and the slow weight."""
    slow = weight
    for step, gradient in enumerate(gradients, 1):
        weight = weight - rate * gradient
        if step % interval == 0:
            pull = strongest * min((step - interval) / num_steps, 1) ** 3
            weight = slow = pull * slow + (1 - pull) * weight
    return weight, slow


@pytest.mark.parametrize(
    "num_steps", [11, 4]
)  # the second is over before the last step
def test_lookahead_is_that_of_the_formula(num_steps):
    gradients = np.random.default_rng(0).normal(size=(11, 3)).astype("float32")
    start = np.array([1.0, 0.0, -1.0], "float32")
    weight = keras.Variable(start)
    optimizer = Lookahead(0.5, num_steps, interval=3, strongest=0.9)
    for done, gradient in enumerate(gradients, 1):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
        fast, slow = lookahead_by_hand(start, gradients[:done], 0.5, num_steps, 3, 0.9)
        np.testing.assert_allclose(weight.numpy(), fast, atol=1e-5)
    optimizer.finalize_variable_values([weight])
    assert np.abs(fast - slow).min() > 0.01
    np.testing.assert_allclose(weight.numpy(), slow, atol=1e-5)


def test_lookahead_before_its_first_return_is_plain_sgd():
    weights = []
    for optimizer in (Lookahead(0.1, 50, momentum=0.9), keras.optimizers.SGD(0.1, 0.9)):
        weight = keras.Variable([1.0, 2.0])
        for _ in range(4):
            optimizer.apply([keras.ops.ones(2)], [weight])
        optimizer.finalize_variable_values([weight])
        weights.append(weight.numpy())
    np.testing.assert_array_equal(*weights)


def test_lookahead_comes_back_from_its_configuration():
    schedule = Triangle(0.1, 50)
    optimizer = Lookahead(schedule, 50, 7, 0.5, momentum=0.9, nesterov=True)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert again.get_config() == optimizer.get_config()
    assert (again.num_steps, again.interval, again.strongest) == (50, 7, 0.5)
    assert vars(again._learning_rate) == vars(schedule)


def test_a_saved_training_goes_on_from_its_slow_weights(fast_run, tmp_path):
    fast_run.model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    states = zip(again.optimizer.variables, fast_run.model.optimizer.variables)
    for loaded, saved in states:
        np.testing.assert_array_equal(loaded.numpy(), saved.numpy())
    assert type(again.optimizer) is type(fast_run.model.optimizer)


@pytest.mark.parametrize(
    "options", [{"num_steps": 0}, {"interval": 0}, {"strongest": 1.5}]
)
def test_lookahead_refuses_what_is_out_of_range(options):
    (received,) = (f"{name}={value}" for name, value in options.items())
    with pytest.raises(ValueError, match=f"Received: .*{received}"):
        Lookahead(0.1, **{"num_steps": 10, **options})


@pytest.fixture(scope="module", params=["averaged", "plain"])
def fast_run(request):
    """One training by the fast recipe, whose steps end between two returns."""
    keras.utils.set_random_seed(0)
    model, epochs_seen, out = linear(), [], io.StringIO()

    def note(images, indices, epoch, random):
        epochs_seen.append(epoch)
        return images

    with contextlib.redirect_stdout(out):
        history = train_fast(
            model,
            blobs(400),
            epochs=4,
            batch_size=36,
            augment=note,
            rate=3.2,
            label_smoothing=0.1,
            lookahead=request.param == "averaged",
            name="fast",
        )
    return SimpleNamespace(
        model=model,
        history=history,
        out=out.getvalue(),
        epochs_seen=epochs_seen,
        averaged=request.param == "averaged",
    )


def test_the_fast_recipe_learns(fast_run):
    images, labels = blobs(100, 1)
    logits = keras.ops.convert_to_numpy(fast_run.model(images))
    assert (logits.argmax(1) == labels).mean() > 0.9


def test_the_fast_recipe_reports_every_epoch_without_a_validation_set(fast_run):
    history = fast_run.history
    assert set(history) == {"loss", "accuracy", "learning_rate", "seconds"}
    assert {len(values) for values in history.values()} == {4}
    last = f"fast: epoch 4/4  training {history['accuracy'][-1]:.3f}"
    assert last in fast_run.out
    assert "validation" not in fast_run.out


def test_the_fast_recipe_counts_its_epochs_one_by_one(fast_run):
    trained, before = fast_run.epochs_seen[-44:], fast_run.epochs_seen[:-44]
    assert trained == np.repeat([1, 2, 3, 4], 11).tolist()
    assert set(before) == {0}  # what Keras looks at before it starts


def test_the_fast_recipe_compiles_what_it_was_told(fast_run):
    sgd, loss = fast_run.model.optimizer, fast_run.model.loss
    schedule = sgd._learning_rate
    assert (schedule.peak, schedule.num_steps) == (pytest.approx(3.2 * 36 / 1024), 44)
    assert (sgd.momentum, sgd.nesterov, sgd.weight_decay) == (0.85, True, 0.009)
    assert (loss.from_logits, loss.label_smoothing) == (True, 0.1)
    assert isinstance(sgd, Lookahead) == fast_run.averaged


def test_after_fit_an_averaged_model_holds_the_slow_weights(fast_run):
    if not fast_run.averaged:
        assert not hasattr(fast_run.model.optimizer, "slow")
        return
    assert int(fast_run.model.optimizer.iterations) % 5 == 4
    slow_weights = fast_run.model.optimizer.slow
    for weight, slow in zip(fast_run.model.trainable_weights, slow_weights):
        np.testing.assert_array_equal(weight.numpy(), slow.numpy())
        assert slow.numpy().any()


def test_the_fast_recipe_needs_an_epoch():
    with pytest.raises(ValueError, match="at least 1. Received: 0"):
        train_fast(linear(), blobs(8), epochs=0, batch_size=4)


def anywhere():
    """A network for images of any size, whose only weights are its head's."""
    inputs = keras.Input((None, None, 1))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def squares(num_images=16):
    """Images of 4x4 pixels, bright or dark."""
    labels = np.arange(num_images) % 2
    bright = np.uint8(200 * labels)[:, None, None, None]
    return np.tile(bright, (1, 4, 4, 1)), labels


def test_images_are_small_in_the_epochs_that_say_so(monkeypatch):
    seen, take = [], Epochs.__getitem__

    def note(batches, index):
        images, labels = take(batches, index)
        seen.append((batches.epoch, images.shape[1]))
        return images, labels

    monkeypatch.setattr(Epochs, "__getitem__", note)
    model = anywhere()
    with contextlib.redirect_stdout(io.StringIO()):
        history = train_fast(
            model, squares(), epochs=4, batch_size=8, sizes=[2, 2, 3, 4]
        )
    assert {len(values) for values in history.values()} == {4}
    trained = {(1, 2), (2, 2), (3, 3), (4, 4)}
    assert trained <= set(seen)
    assert [epoch for epoch, _ in seen] == sorted(epoch for epoch, _ in seen)
    assert int(model.optimizer.iterations) == 8
    rates = np.array(history["learning_rate"])
    expected = [float(model.optimizer._learning_rate(step)) for step in (2, 4, 6, 8)]
    np.testing.assert_allclose(rates, expected, rtol=1e-5)


def test_one_line_of_progress_tells_of_all_sizes(capsys):
    train_fast(anywhere(), squares(), epochs=3, batch_size=8, sizes=[2, 3, 4])
    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if line]
    assert [line[: line.index("  ")] for line in told] == [
        f": epoch {epoch}/3" for epoch in (1, 2, 3)
    ]
    assert [line.endswith(" 0 s left") for line in told] == [False, False, True]


def test_time_left_is_told_by_what_epochs_cost(monkeypatch, capsys):
    clock = itertools.count()
    monkeypatch.setattr("time.perf_counter", lambda: 10.0 * next(clock))
    progress = Progress("costly", costs=[1, 4])
    progress.set_params({"epochs": 1})
    progress.on_train_begin()
    progress.on_epoch_end(0, {"accuracy": 0.5})  # 10 s on the clock
    assert capsys.readouterr().out.endswith("  40 s left")


def test_history_has_seconds_and_rates_without_a_line_of_progress(capsys):
    options = {"epochs": 2, "batch_size": 8, "name": None}
    history = train_fast(anywhere(), squares(), **options)
    assert len(history["seconds"]) == len(history["learning_rate"]) == 2
    assert min(history["seconds"]) > 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_model_that_ends_in_probabilities_is_refused(activation):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(2, activation=activation, name="end")]
    )
    data = np.zeros((4, 4), "float32"), np.arange(4) % 2
    with pytest.raises(ValueError, match=f"Received: {activation} in layer 'end'"):
        train(model, data, data, epochs=1)
    with pytest.raises(ValueError, match=f"Received: {activation} in layer 'end'"):
        train_fast(model, data, epochs=1, batch_size=2)


def test_one_hot_labels_train_like_numbers():
    images, labels = squares()
    losses = []
    for form in (labels, labels[:, None], np.eye(2)[labels]):
        keras.utils.set_random_seed(0)
        data = images, form
        losses += train(anywhere(), data, data, epochs=1)["loss"]
    assert losses[0] == losses[1] == losses[2]


def test_who_stops_a_training_stops_it_at_every_size():
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(stop.model, "stop_training", True)
    )
    options = {"epochs": 3, "batch_size": 8, "sizes": [2, 2, 4], "callbacks": [stop]}
    history = train_fast(anywhere(), squares(), **options)
    assert len(history["loss"]) == 1


def test_throughput_counts_steps_after_the_first(monkeypatch, capsys):
    """Every step takes a second: four of 8 images until three seconds are over."""
    clock = itertools.count()
    ticking = SimpleNamespace(perf_counter=lambda: float(next(clock)))
    monkeypatch.setattr("cnnlab.train.fast.time", ticking)
    model = anywhere()
    images, labels = squares()
    rate = throughput(model, (images[:16], labels[:16]), batch_size=8, seconds=3)
    assert rate == 8.0
    assert int(model.optimizer.iterations) == 4  # of two epochs
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("num_images", [8, 16])
def test_throughput_takes_a_step_more_than_the_one_that_compiles(num_images):
    model = anywhere()
    train_set = [part[:num_images] for part in squares()]
    assert throughput(model, train_set, batch_size=8, seconds=0) > 0
    assert int(model.optimizer.iterations) == 2


def test_a_resized_pixel_is_the_mean_of_what_it_covers():
    images = np.random.default_rng(0).integers(0, 256, (16, 4, 4, 1), "uint8")
    _, labels = squares()
    batches = Epochs(images, labels, 16, size=2)
    resized, _ = batches[0]
    blocks = images[batches.order].reshape(16, 2, 2, 2, 2, 1)
    np.testing.assert_allclose(resized, blocks.mean((2, 4)) / 255, atol=0.51 / 255)


@pytest.mark.parametrize(("size", "to"), [(32, 21), (32, 25), (21, 32), (6, 6)])
def test_images_are_resized_as_if_each_were_alone(size, to):
    images = np.random.default_rng(0).integers(0, 256, (50, size, size, 3), "uint8")
    batches = Epochs(images, np.arange(50) % 2, 50, size=to)
    alone = [cv2.resize(x, (to, to), interpolation=cv2.INTER_AREA) for x in images]
    expected = np.divide(alone, 255, dtype="float32")[batches.order]
    np.testing.assert_array_equal(batches[0][0], expected)


@pytest.mark.parametrize("sizes", [[4], [4, 0], [4, 4, 4]])
def test_sizes_must_be_one_for_each_epoch(sizes):
    with pytest.raises(ValueError, match=re.escape(f"Received: {sizes}")):
        train_fast(anywhere(), squares(), epochs=2, batch_size=4, sizes=sizes)


def test_an_averaged_model_can_be_fitted_again():
    model = linear()
    with contextlib.redirect_stdout(io.StringIO()):
        train_fast(model, blobs(40), epochs=2, batch_size=4)
    model.fit(blobs(40)[0], np.eye(2)[blobs(40)[1]], verbose=0)
    assert int(model.optimizer.iterations) == 20 + 2
