"""CIFAR-10 against the clock: the fast recipe on a GPU.

    CNNLAB_DATA=... KERAS_BACKEND=jax python benchmarks/cifar10_race.py gpu

`gpu` wants a GPU that does nothing else, and says how the seconds split: compiling,
preparing batches, and all steps but the first. All 50,000 training images, the last
epoch counts, the test set is read once; evaluation is not timed. Each finished run is
written at once to data/records/cifar10_race_gpu.json.
"""

import argparse
import time

from cnnlab.doctor import quiet_start

quiet_start()

import fast_recipe
import keras
import record

GPU = "cifar10_race_gpu"
GPU_BUDGET = {"num_train": 50_000, "num_test": 10_000, "dtype_policy": "mixed_bfloat16"}
GPU_SETTINGS = {
    "94 %": {"filters": (64, 256, 256), "epochs": 12, "batch_size": 1000},
    "95 %": {"filters": (128, 384, 384), "epochs": 18, "batch_size": 1000},
    "96 %": {
        "filters": (128, 512, 512),
        "epochs": 48,
        "batch_size": 1000,
        "erased": 12,
    },
}
SEEDS = range(3)


class Watch:
    """Calls a function, and knows when it was called and how long it took in all."""

    def __init__(self, function):
        self.function, self.called, self.seconds = function, [], 0.0

    def __call__(self, *arguments, **options):
        self.called.append(time.perf_counter())
        result = self.function(*arguments, **options)
        self.seconds += time.perf_counter() - self.called[-1]
        return result


def run(name, seed):
    """Trains one setting with one seed and returns its result as a dict."""
    train_set, test_set, _ = fast_recipe.load()
    setting = dict(GPU_SETTINGS[name])
    filters, erased = setting.pop("filters"), setting.pop("erased", 0)
    watch = Watch(fast_recipe.see)
    model, seconds = fast_recipe.run(
        train_set,
        seed,
        **setting,
        network={"filters": filters},
        view={"erased": erased},
        see=watch,
    )
    num_steps = setting["epochs"] * (len(train_set[0]) // setting["batch_size"])
    second = watch.called[1 - num_steps]  # Keras looks at a batch before the first step
    compiling = second - watch.called[0]
    return {
        "setting": name,
        "seed": seed,
        "parameters": model.count_params(),
        **fast_recipe.accuracies(model, *test_set),
        "seconds": round(seconds, 2),
        "seconds_of_compiling": round(compiling, 2),
        "seconds_of_training": round(seconds - compiling, 2),
        "seconds_of_preparing_batches": round(watch.seconds, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("leg", choices=["gpu"])
    parser.add_argument("settings", nargs="*", default=list(GPU_SETTINGS))
    arguments = parser.parse_args()
    keras.config.set_dtype_policy(GPU_BUDGET["dtype_policy"])
    libraries = record.conditions("keras", keras.backend.backend(), "numpy")
    budget = {**GPU_BUDGET, "settings": GPU_SETTINGS}
    content = record.begun(GPU, fast_recipe.load()[-1], budget, **libraries)
    finished = [(run["setting"], run["seed"]) for run in content["runs"]]
    for name in arguments.settings:
        for seed in SEEDS:
            if (name, seed) not in finished:
                content["runs"].append(run(name, seed))
                record.write(GPU, content)
                print(content["runs"][-1], flush=True)


if __name__ == "__main__":
    main()
