"""The backend starts quietly, with oneDNN on and datasets untuned."""

import os
import platform
import subprocess
import sys

import pytest

from cnnlab import start


def test_standard_error_is_kept_and_comes_back(capfd):
    messages = []
    with start.keep_standard_error(messages):
        os.write(2, b"from native code\n")
        subprocess.run(["sh", "-c", "echo from a child >&2"], check=True)
    os.write(2, b"afterwards\n")
    assert messages == ["from native code", "from a child"]
    assert capfd.readouterr().err == "afterwards\n"


def test_exception_passes_and_standard_error_comes_back(capfd):
    with pytest.raises(ImportError), start.keep_standard_error([]):
        raise ImportError
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


@pytest.mark.nightly  # TensorFlow starts twice: 20 s
@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="needs an x86-64"
)
@pytest.mark.parametrize("said", [None, "0"])
def test_onednn_computes_unless_the_environment_says_otherwise(said):
    """TensorFlow's own default differs from processor to processor."""
    names = {"TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL"}
    others = {name: os.environ[name] for name in os.environ.keys() - names}
    wish = {"TF_ENABLE_ONEDNN_OPTS": said} if said else {}
    code = "from cnnlab import start; start.quiet_start(); print(start.hidden_messages)"
    messages = subprocess.run(
        [sys.executable, "-c", code],
        env={**others, **wish, "TF_CPP_MIN_LOG_LEVEL": "0"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert ("oneDNN custom operations are on" in messages) is (said is None)


def test_datasets_are_read_without_the_thread_that_tunes_them():
    start.quiet_start()
    import tensorflow as tf

    once = tf.data.Dataset.__iter__
    start.quiet_start()
    assert tf.data.Dataset.__iter__ is once
    dataset = tf.data.Dataset.range(3).prefetch(tf.data.AUTOTUNE)
    iterator = iter(dataset)
    assert iterator._dataset.options().autotune.enabled is False
    assert [int(number) for number in iterator] == [0, 1, 2]


def test_a_dataset_that_asks_for_tuning_is_tuned():
    start.quiet_start()
    import tensorflow as tf

    tuned = tf.data.Options()
    tuned.autotune.enabled = True
    iterator = iter(tf.data.Dataset.range(3).with_options(tuned))
    assert iterator._dataset.options().autotune.enabled is True
