"""Training: the split, the two callbacks, seeds, progress."""

import keras
import numpy as np
import pytest

from cnnlab.train import plateau_and_stop, split, train, train_seeds


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
    with pytest.raises(ValueError, match="Received: 10 images, 9 labels"):
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


def test_plateau_halves_the_rate_and_the_best_epoch_comes_back():
    flat = np.zeros((64, 4, 4, 1), "float32"), np.arange(64) % 2
    keras.utils.set_random_seed(0)
    history = train(
        linear(),
        flat,
        flat,
        epochs=8,
        optimizer=keras.optimizers.SGD(0.0),
        callbacks=plateau_and_stop(plateau_patience=2, stop_patience=5),
    )
    assert len(history["loss"]) == 6  # the first epoch and five without a better one
    keras.utils.set_random_seed(0)
    history = train(
        linear(),
        flat,
        flat,
        epochs=4,
        optimizer=keras.optimizers.SGD(1e-6),
        callbacks=plateau_and_stop(plateau_patience=2),
    )
    assert history["learning_rate"] == pytest.approx([1e-6, 1e-6, 1e-6, 0.5e-6])


def fast():
    return keras.optimizers.Adam(0.05)
