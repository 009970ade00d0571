"""CIFAR-10 against the clock: the fast recipe, on processors and on a GPU.

    CNNLAB_DATA=... python benchmarks/cifar10_race.py cpu
    CNNLAB_DATA=... KERAS_BACKEND=jax python benchmarks/cifar10_race.py gpu

`cpu` wants an idle machine. A setting holds as many epochs of the fast recipe as its
minutes pay for on two slow cores; widths and sizes were fixed beforehand, on validation
images (`fast_cnn_budget.py`). The ten minutes are a race: against the modern CNN with
its own recipe and, where PyTorch is installed, against the fast recipe there;
`turns.py` lets them take turns. Names after the leg start these contestants alone,
`--setting` and `--seeds` a part of the runs. On a processor that does not multiply
bfloat16, all compute in float32. What a contestant has told is written after each of
its epochs to data/records/cifar10_race.json, beside the machine and how fast that
multiplied before and after; one that was cut short runs anew.

`gpu` wants a GPU that does nothing else. All 50,000 training images, the last epoch
counts, the test set is read once; evaluation is not timed. Each finished run is written
at once to data/records/cifar10_race_gpu.json, and says how its seconds split:

- of building: whitening the images and making the network, until `fit` asks for its
  first batch. It compiles the small operations that fill kernels with noise.
- of the first step: from there until the first step has ended. It compiles the step.
- of the other steps, and within them of preparing batches, while the GPU may compute.

When the second batch is asked for says nothing of compiling: on a GPU Keras asks one
batch ahead. What building compiles, the runs of one process share; each compiles its
step anew. A folder of compiled programs (JAX_COMPILATION_CACHE_DIR) spares both, and
the record says whether there was one.
"""

import argparse
import itertools
import json
import os
import time

from cnnlab.start import quiet_start

quiet_start()

import fast_recipe
import keras
import race_contestants
import record
import turns

CPU = "cifar10_race"
CPU_BUDGET = {
    "num_train": 50_000,
    "num_test": 10_000,
    "batch_size": 512,
    "modern_epochs": 30,
}
CPU_SETTINGS = {  # filters of the blocks; height and width of the images, by epoch
    "10 minutes": {"filters": [48, 128, 256], "sizes": 7 * [21] + 6 * [32]},
    "6 minutes": {"filters": [32, 96, 192], "sizes": 6 * [21] + 4 * [32]},
    "40 minutes": {
        "filters": [64, 256, 256],
        "sizes": 12 * [21] + 11 * [32],
        "batch_size": 256,  # 512 such images take more than 2 GB
    },
}
RACE = "10 minutes"  # the other settings belong to the fast recipe
GPU = "cifar10_race_gpu"
GPU_BUDGET = {"num_train": 50_000, "num_test": 10_000, "dtype_policy": "mixed_bfloat16"}
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


def run(name, seed):
    """Trains one setting with one seed and returns its result as a dict."""
    train_set, test_set, _ = fast_recipe.load()
    setting = dict(GPU_SETTINGS[name])
    filters, erased = setting.pop("filters"), setting.pop("erased", 0)
    watch, first_step = fast_recipe.Watch(fast_recipe.see), FirstStep()
    started = time.perf_counter()
    model, _ = fast_recipe.run(
        train_set,
        seed,
        **setting,
        network={"filters": filters},
        view={"erased": erased},
        training={"callbacks": [first_step]},
        see=watch,
    )
    seconds = phases(started, watch, first_step.ended, time.perf_counter())
    return {
        "setting": name,
        "seed": seed,
        "parameters": model.count_params(),
        **fast_recipe.accuracies(model, *test_set),
        **seconds,
    }


def race(setting, names, seed, content):
    """Lets contestants race with one seed, and writes what they tell as they go."""
    if not names:
        return
    runs = {}
    machine = {"hardware": record.hardware(), "gigaflops": record.gigaflops()}
    for name in names:
        runs[name] = {"setting": setting, "contestant": name, "seed": seed, **machine}
        if name != "modern CNN":
            runs[name] |= CPU_SETTINGS[setting]
        runs[name]["epochs"] = []
    budget = json.dumps({**content["budget"], **CPU_SETTINGS[setting]})
    commands = {
        name: [race_contestants.__file__, name, str(seed), budget] for name in names
    }
    for name, message in turns.taken(commands):
        run = runs[name]
        if "turn" in message:
            continue
        if "end" in message:
            run |= message | {"gigaflops_at_the_end": record.gigaflops()}
        else:
            run["epochs"].append(message)
            print(f"{setting}, {name}, seed {seed}: {message}", flush=True)
        if run not in content["runs"]:
            content["runs"].append(run)
        record.write(CPU, content)


def on_processors(arguments):
    """Runs the race for every seed and contestant that has not ended yet."""
    names = record.runnable(
        arguments.names or race_contestants.NAMES,
        race_contestants.TORCH,
        race_contestants.BFLOAT16,
    )
    alone = [name for name in names if name in race_contestants.KERAS]
    if not arguments.names:
        alone = alone[:1]
    conditions = record.conditions(*record.PACKAGES)
    content = record.begun(CPU, fast_recipe.load()[-1], CPU_BUDGET, **conditions)
    content["runs"] = [
        run
        for run in content["runs"]
        if "end" in run
        if "filters" not in run or run == run | CPU_SETTINGS.get(run["setting"], {})
    ]
    ended = [
        (run["setting"], run["contestant"], run["seed"]) for run in content["runs"]
    ]
    settings = [arguments.setting] if arguments.setting else CPU_SETTINGS
    for seed, setting in itertools.product(range(arguments.seeds), settings):
        missing = [
            name
            for name in names
            if setting == RACE or name in alone
            if (setting, name, seed) not in ended
        ]
        race(setting, missing, seed, content)


def on_a_gpu(arguments):
    """Trains every setting with every seed that is missing."""
    keras.config.set_dtype_policy(GPU_BUDGET["dtype_policy"])
    libraries = record.conditions("keras", keras.backend.backend(), "numpy")
    budget = {**GPU_BUDGET, "settings": GPU_SETTINGS}
    libraries["compilation_cache"] = "JAX_COMPILATION_CACHE_DIR" in os.environ
    content = record.begun(GPU, fast_recipe.load()[-1], budget, **libraries)
    finished = [(run["setting"], run["seed"]) for run in content["runs"]]
    for name in arguments.names or GPU_SETTINGS:
        for seed in range(arguments.seeds):
            if (name, seed) not in finished:
                content["runs"].append(run(name, seed))
                record.write(GPU, content)
                print(content["runs"][-1], flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("leg", choices=["cpu", "gpu"])
    parser.add_argument("names", nargs="*", help="contestants, or settings of the GPU")
    parser.add_argument("--setting", choices=CPU_SETTINGS, help="of the processors")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    arguments = parser.parse_args()
    known = GPU_SETTINGS if arguments.leg == "gpu" else race_contestants.NAMES
    if unknown := [name for name in arguments.names if name not in known]:
        parser.error(f"Names are {', '.join(known)}. Received: {', '.join(unknown)}")
    others = [name for name in arguments.names if name not in race_contestants.KERAS]
    if arguments.setting not in (None, RACE) and others:
        parser.error(f"'{arguments.setting}' is a setting of the fast recipe alone.")
    {"cpu": on_processors, "gpu": on_a_gpu}[arguments.leg](arguments)


if __name__ == "__main__":
    main()
