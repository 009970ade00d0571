"""One frame tells nothing of a motion; recorded networks come out again."""

import keras
import pytest
from computed import percent, value, values

from cnnlab.data import clips
from cnnlab.evaluate.classification import accuracy, predict
from cnnlab.models.video import frame_average
from cnnlab.train.fit import train
from experiments.lesson_13 import clips_motion, volumes

CHANCE = 0.1


@pytest.mark.quick
def test_the_clips_are_those_of_the_record():
    recorded = value("clips_motion", "checksum")
    assert clips_motion.load()[-1].checksum == recorded


@pytest.mark.parametrize("frame", [0, 5])
def test_a_network_that_sees_one_frame_stays_at_chance(frame):
    """Even one that always gets the same frame of the clip, and many of them."""
    (images, labels), (images_test, labels_test), _ = clips.load(
        "embedded", num_train=4_000, num_test=2_000
    )
    keras.utils.set_random_seed(0)
    model = frame_average((1, 32, 32, 3), filters=(8, 16, 32), hidden=64)
    only = (images[:, frame : frame + 1], labels)
    seen = (images_test[:, frame : frame + 1], labels_test)
    history = train(model, only, seen, epochs=4, batch_size=32, name="one frame")
    reached = accuracy(predict(model, seen[0]), labels_test)
    noise = (CHANCE * (1 - CHANCE) / len(labels_test)) ** 0.5
    assert abs(reached - CHANCE) < 4 * noise
    assert history["loss"][-1] < history["loss"][0]


def test_one_recorded_arm_comes_out_again():
    again = 100 * clips_motion.run("3D", 0)["test_accuracy"]
    recorded = percent("clips_motion", arm="3D")
    tolerance = max(3 * recorded.std(ddof=1), 6)
    assert again == pytest.approx(recorded[0], abs=tolerance)


@pytest.mark.data
def test_one_recorded_gland_network_comes_out_again():
    again = volumes.run("adrenalmnist3d", "3D", 0)["test_averaged_auc"]
    recorded = values("volumes_adrenalmnist3d", "test_averaged_auc", arm="3D")
    tolerance = max(3 * recorded.std(ddof=1), 0.02)
    assert again == pytest.approx(recorded[0], abs=tolerance)
