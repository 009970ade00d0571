"""CIFAR-10 against the clock: the fast recipe, on processors and on a GPU.

    CNNLAB_DATA=... python -m experiments cifar10_race
    CNNLAB_DATA=... KERAS_BACKEND=jax python -m experiments cifar10_race_gpu

`cifar10_race` wants an idle machine. A setting holds as many epochs of the fast recipe
as its minutes pay for on two slow cores; widths and sizes were fixed beforehand, on
validation images (`fast_cnn_budget`). Beside the ten minutes stands the modern CNN with
its own recipe. The clock counts building, compiling and training. Evaluation on the
test set after each epoch selects nothing and is not timed, nor is validation; the fast
recipe is evaluated from its first epoch on full images, since before an evaluation says
little of them. On a processor that does not multiply bfloat16, it computes in float32.
(The record also holds single runs of the same recipe in PyTorch, made by code that is
in the history at their commit.)

`cifar10_race_gpu` wants a GPU that does nothing else. All 50,000 training images, the
last epoch counts, the test set is read once; evaluation is not timed. The record says
how the seconds split:

- of building: whitening the images and making the network, until `fit` asks for its
  first batch. It compiles the small operations that fill kernels with noise.
- of the first step: from there until the first step has ended. It compiles the step.
- of the other steps, and within them of preparing batches, while the GPU may compute.

When the second batch is asked for says nothing of compiling: on a GPU Keras asks one
batch ahead. What building compiles, the runs of one process share; each compiles its
step anew. A folder of compiled programs (JAX_COMPILATION_CACHE_DIR) spares both, and
the record says whether there was one.
"""

import os
import resource
import time

from cnnlab.start import quiet_start

quiet_start()

import cv2
import keras
import numpy as np

from cnnlab.models.modern_cnn import modern_cnn
from cnnlab.train.batches import Epochs, split
from cnnlab.train.fit import train
from cnnlab.train.schedules import plateau_and_stop
from experiments.conditions import multiplies_bfloat16
from experiments.harness import Experiment
from experiments.lesson_19 import fast_recipe

BUDGET = {"num_train": 50_000, "num_test": 10_000}
SETTINGS = {  # filters of the blocks; height and width of the images, by epoch
    "6 minutes": {
        "filters": [32, 96, 192],
        "sizes": 6 * [21] + 4 * [32],
        "batch_size": 512,
    },
    "10 minutes": {
        "filters": [48, 128, 256],
        "sizes": 7 * [21] + 6 * [32],
        "batch_size": 512,
    },
    "40 minutes": {
        "filters": [64, 256, 256],
        "sizes": 12 * [21] + 11 * [32],
        "batch_size": 256,  # 512 such images take more than 2 GB
    },
}
MODERN = {"epochs": 30, "batch_size": 128}
FAST = "fast recipe" if multiplies_bfloat16() else "fast recipe, float32"
DTYPES = {"fast recipe": "mixed_bfloat16", "fast recipe, float32": "float32"}
GPU_BUDGET = BUDGET | {"dtype_policy": "mixed_bfloat16"}
GPU_SETTINGS = {
    "94 %": {"filters": [64, 256, 256], "epochs": 12, "batch_size": 1000},
    "95 %": {"filters": [128, 384, 384], "epochs": 18, "batch_size": 1000},
    "96 %": {
        "filters": [128, 512, 512],
        "epochs": 48,
        "batch_size": 1000,
        "erased": 12,
    },
}
SEEDS = range(3)


class Timekeeper(keras.callbacks.Callback):
    """Keeps the time of a training, evaluations left out, and what they found.

    Args:
        test_set: Images and labels.
        num_blind: Epochs that come first and are not evaluated.

    Attributes:
        seconds: Time used until the clock was last stopped.
        history: A dict of lists, one value an epoch.
    """

    def __init__(self, test_set, num_blind=0):
        super().__init__()
        self.test_set, self.num_blind = test_set, num_blind
        self.seconds, self.started = 0.0, time.perf_counter()
        self.history = {
            "history_seconds": [],
            "history_test_accuracy": [],
            "history_test_flip_averaged_accuracy": [],
        }

    def stop(self):
        self.seconds += time.perf_counter() - self.started

    def start(self):
        self.started = time.perf_counter()

    def on_test_begin(self, logs=None):
        self.stop()

    def on_test_end(self, logs=None):
        self.start()

    def on_epoch_end(self, epoch, logs=None):
        self.stop()
        is_blind = epoch < self.num_blind
        found = {} if is_blind else fast_recipe.accuracies(self.model, *self.test_set)
        found["seconds"] = round(self.seconds, 1)
        for key, values in self.history.items():
            values.append(found.get(key.removeprefix("history_")))
        self.start()


def load():
    """Returns as many images as the budget says: to train on as bytes, and to test."""
    train_set, test_set, _ = fast_recipe.load()
    parts = (train_set, BUDGET["num_train"]), (test_set, BUDGET["num_test"])
    return [tuple(array[:num] for array in part) for part, num in parts]


def run_on_cores(setting, arm, seed):
    """Trains one contestant with one seed against the clock."""
    train_fully = train_modern if arm == "modern CNN" else train_fast_recipe
    clock, result = train_fully(setting, arm, seed)
    last = {key.removeprefix("history_"): v[-1] for key, v in clock.history.items()}
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        **last,
        "seconds": round(clock.seconds, 1),
        "epochs": len(clock.history["history_seconds"]),
        "megabytes": kilobytes // 1024,
        **result,
        **clock.history,
    }


def train_fast_recipe(setting, arm, seed):
    """Trains by the fast recipe; returns its clock, and what it was like.

    The share of the input: seconds that a core spends on whole batches (taking images,
    flipping, shifting, resizing, dividing them), of the seconds on the clock.
    """
    cv2.setNumThreads(1)  # no thread of OpenCV works unseen
    train_set, test_set = load()
    watch = fast_recipe.Watch(Epochs.__getitem__)
    Epochs.__getitem__ = lambda batches, index: watch(batches, index)
    sizes = SETTINGS[setting]["sizes"]
    clock = Timekeeper(test_set, num_blind=sizes.index(sizes[-1]))
    filters = SETTINGS[setting]["filters"]
    model, _ = fast_recipe.run(
        train_set,
        seed,
        epochs=len(sizes),
        batch_size=SETTINGS[setting]["batch_size"],
        network={"filters": filters, "convolution_dtype": DTYPES[arm]},
        training={"sizes": sizes, "callbacks": [clock]},
    )
    clock.stop()
    share = round(sum(watch.worked) / clock.seconds, 4)
    found = {"parameters": model.count_params(), "share_of_input": share}
    return clock, {**SETTINGS[setting], **found}


def train_modern(setting, arm, seed):
    """Trains the modern CNN by its own recipe: a tenth of the images selects."""
    (images, labels), test_set = load()
    images = np.divide(images, 255, dtype="float32")
    parts = split(images, labels, num_val=len(images) // 10, seed=seed)
    keras.utils.set_random_seed(seed)
    clock = Timekeeper(test_set)
    model = modern_cnn()
    callbacks = [*plateau_and_stop(), clock]
    train(model, *parts, callbacks=callbacks, name=f"seed {seed}", **MODERN)
    clock.stop()
    found = {"parameters": model.count_params(), "batch_size": MODERN["batch_size"]}
    return clock, found


class FirstStep(keras.callbacks.Callback):
    """Knows when the first step of a training had ended."""

    async_safe = True  # called on a thread of its own, so that no step waits for it

    def __init__(self):
        super().__init__()
        self.ended = None

    def on_train_batch_end(self, batch, logs=None):
        if self.ended is None:
            self.ended = time.perf_counter()


def phases(started, watch, first_step_ended, ended):
    """Splits the seconds of a training.

    Args:
        started: When building began; this and all times in seconds.
        watch: `fast_recipe.Watch` of the function that prepares a batch.
        first_step_ended: When the first step had ended.
        ended: When the training had ended.

    Returns:
        A dict of seconds; building and both kinds of steps make the whole.
    """
    prepared = zip(watch.began, watch.took)
    split = {
        "": ended - started,
        "_of_building": watch.began[0] - started,
        "_of_the_first_step": first_step_ended - watch.began[0],
        "_of_the_other_steps": ended - first_step_ended,
        "_of_preparing_their_batches": sum(
            took for began, took in prepared if began >= first_step_ended
        ),
    }
    return {f"seconds{phase}": round(seconds, 2) for phase, seconds in split.items()}


def run_on_gpu(arm, seed):
    """Trains one setting with one seed and returns its result as a dict."""
    keras.config.set_dtype_policy(GPU_BUDGET["dtype_policy"])
    train_set, test_set, _ = fast_recipe.load()
    setting = dict(GPU_SETTINGS[arm])
    filters, erased = setting.pop("filters"), setting.pop("erased", 0)
    watch, first_step = fast_recipe.Watch(fast_recipe.augment_batch), FirstStep()
    started = time.perf_counter()
    model, _ = fast_recipe.run(
        train_set,
        seed,
        **setting,
        network={"filters": filters},
        view={"erased": erased},
        training={"callbacks": [first_step]},
        augment_batch=watch,
    )
    seconds = phases(started, watch, first_step.ended, time.perf_counter())
    return {
        **fast_recipe.accuracies(model, *test_set),
        **GPU_SETTINGS[arm],
        "parameters": model.count_params(),
        "compilation_cache": "JAX_COMPILATION_CACHE_DIR" in os.environ,
        **seconds,
    }


PACKAGES = ("keras", keras.backend.backend(), "numpy")
ON_CORES = Experiment(
    name="cifar10_race",
    question="what accuracy the fast recipe reaches in 6, 10 and 40 minutes of two "
    "cores, and the modern CNN beside it",
    run=run_on_cores,
    data=lambda: fast_recipe.load()[-1],
    budget=BUDGET,
    arms=[
        *({"setting": setting, "arm": FAST} for setting in SETTINGS),
        {"setting": "10 minutes", "arm": "modern CNN"},
    ],
    seeds=SEEDS,
    minutes=400,
    packages=PACKAGES,
    apart=True,
)
ON_GPU = Experiment(
    name="cifar10_race_gpu",
    question="how many seconds CIFAR-10 takes the fast recipe on a GPU that does "
    "nothing else",
    run=run_on_gpu,
    data=lambda: fast_recipe.load()[-1],
    budget=GPU_BUDGET,
    arms=list(GPU_SETTINGS),
    seeds=SEEDS,
    minutes=10,
    device="gpu",
    packages=PACKAGES,
    alone=True,
)
