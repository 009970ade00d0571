"""A quiet start of the backend, and the settings that it makes in TensorFlow.

Every lesson's import cell begins with `quiet_start`. TensorFlow writes log lines to
file descriptor 2 before any of its log levels apply
(https://github.com/tensorflow/tensorflow/issues/100442), so the descriptor itself is
redirected while the backend starts. What was written then is kept in `hidden_messages`
for `cnnlab doctor`.
"""

import functools
import os
import platform
import tempfile
from contextlib import contextmanager

hidden_messages = []


def quiet_start():
    """Imports Keras and starts its backend without a line on standard error.

    On TensorFlow it also makes two settings, `enable_onednn` and
    `leave_datasets_untuned`. A second call changes nothing. Exceptions pass through.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    enable_onednn()
    with keep_standard_error(hidden_messages):
        import keras

        keras.ops.zeros(1)  # lists the devices, which is when backends log most
        if keras.backend.backend() == "tensorflow":
            leave_datasets_untuned()


def enable_onednn():
    """Lets TensorFlow compute with oneDNN on every x86-64 processor.

    On Linux, TensorFlow leaves its library of fast convolutions off on processors
    without instructions for int8 or bfloat16 (`DefaultOneDnnPolicy` in
    tensorflow/core/util/port.cc): those of many laptops, where it speeds up training as
    well (experiments/lesson_02/onednn.py). A value of `TF_ENABLE_ONEDNN_OPTS` that the
    environment holds already is kept. Call it before TensorFlow is imported.
    """
    if platform.machine().lower() in ("x86_64", "amd64"):
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


@functools.cache  # patching once is enough
def leave_datasets_untuned():
    """Lets iteration over a `tf.data.Dataset` run without its autotuning thread.

    `fit` reads each epoch through a new iterator, and deleting the old one waits for
    the thread that tunes it. That thread sleeps for 10 ms, then 20, 40 ... up to a
    minute; when it is stopped, it is woken first and the flag that it reads is set
    afterwards (`Model::OptimizeLoop` in tensorflow/core/framework/model.cc, seen in
    TensorFlow 2.21). So it often sleeps on, for up to as long as the epoch took, while
    every core is idle (experiments/lesson_02/epoch_waits.py). Untuned iterators have no
    such thread and yield the same batches.

    A dataset whose options say `autotune.enabled` keeps what they say. A pipeline of
    your own should state `num_parallel_calls` and `prefetch` itself.
    """
    import tensorflow as tf

    untuned = tf.data.Options()
    untuned.autotune.enabled = False
    iterate = tf.data.Dataset.__iter__

    @functools.wraps(iterate)
    def iterate_untuned(dataset):
        if dataset.options().autotune.enabled is None:
            dataset = dataset.with_options(untuned)
        return iterate(dataset)

    tf.data.Dataset.__iter__ = iterate_untuned


@contextmanager
def keep_standard_error(messages):
    """Appends to a list every line that is written to file descriptor 2 meanwhile."""
    with tempfile.TemporaryFile() as kept:
        terminal = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            kept.seek(0)
            messages += kept.read().decode(errors="replace").splitlines()
