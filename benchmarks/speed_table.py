"""Writes README's table of speeds from the records, so that it states nothing else.

    python benchmarks/speed_table.py

`make bench` measures anew and ends with it.
"""

import statistics

import onednn
import record

README = record.ROOT / "README.md"
BEGIN, END = "<!-- speeds: make bench -->\n", "<!-- end of speeds -->\n"


def rows():
    """Returns what is measured, the result and the hardware, a triple a row."""
    made = record.read("convolution_speed")
    faster, longer = made["times_as_fast_as_loops"], made["times_as_long_as_tensorflow"]
    text = f"{faster:,} times as fast as loops, {longer} times as long as TensorFlow"
    yield "convolution in NumPy alone, 3x3, 64 filters", text, made

    made = record.read("scenes_speed")
    text = f"{made['images_per_second']:,} images of 32x32 a second on one core"
    yield "*Scenes*, drawn", text, made

    made = record.read("clips_speed")
    text = f"{made['clips_per_second']:,} clips of 8 frames a second on one core"
    yield "*Scenes* in motion, drawn", text, made

    made = record.read("epoch_waits")
    text = ", ".join(
        f"{100 * share:.1f} % with {kind} datasets"
        for kind, share in made["shares_waited"].items()
    )
    yield "waiting between epochs, of a training", text, made

    made = record.read("onednn")
    text = ", ".join(
        f"{run['network']} {onednn.times_as_fast(run):.1f}"
        for run in made["runs"]
        if "bfloat16" not in run["network"]  # there to be compared with float32
    )
    yield (
        "training with oneDNN where TensorFlow leaves it off, times as fast",
        text,
        made,
    )

    made = record.read("tflite_cost")
    faster = made["claims"]["int8 at least 3 times as fast"]
    smaller = made["claims"]["int8 at least 3.5 times as small"]
    text = f"{faster} times as fast and {smaller} times as small as in float32"
    yield "modern CNN in int8, TFLite, one thread", text, made

    made = record.read("fast_cnn_speed")["rivals"]
    speeds = ", ".join(
        f"{row['name']} {statistics.median(row['images_per_second']):.0f}"
        for row in made["contestants"]
    )
    yield "fast recipe on two cores, images a second", f"{speeds} (median)", made

    made = record.read("cifar10_race")
    ended = [run for run in made["runs"] if "end" in run]
    alike = {}
    for run in ended:
        on = run.get("hardware", made["hardware"])  # of the machine that began it
        alike.setdefault((run["setting"], run["contestant"], on), []).append(run)
    for (*_, on), runs in alike.items():
        yield *_of_the_race(runs), {"hardware": on}

    made = record.read("cifar10_race_gpu")
    for name, setting in made["budget"]["settings"].items():
        runs = [run for run in made["runs"] if run["setting"] == name]
        reached = _percent(run["flip_averaged_accuracy"] for run in runs)
        seconds = statistics.mean(run["seconds"] for run in runs)
        name = _with_filters("fast recipe", setting)
        what = f"CIFAR-10, {name}, {setting['epochs']} epochs"
        text = f"{reached} with flip averaging in {seconds:.0f} s (seeds: {len(runs)})"
        yield what, text, made


def _of_the_race(runs):
    """Returns what runs that differ in their seeds alone have done, and the result."""
    last = [run["epochs"][-1] for run in runs]
    plain, flip_averaged = (
        _percent(each[key] for each in last)
        for key in ("accuracy", "flip_averaged_accuracy")
    )
    name, epochs = runs[0]["contestant"], len(runs[0]["epochs"])
    if "filters" in runs[0]:
        name = _with_filters(name, runs[0])
    seconds = statistics.mean(each["seconds"] for each in last)
    return (
        f"CIFAR-10, {name}, {epochs} epochs",
        f"{plain}, {flip_averaged} with flip averaging, in {seconds:.0f} s "
        f"(seeds: {len(runs)})",
    )


def _with_filters(name, settings):
    return f"{name}, {'/'.join(map(str, settings['filters']))} filters"


def _percent(accuracies):
    return f"{record.stated([100 * accuracy for accuracy in accuracies])} %"


def table():
    """Returns the table in Markdown."""
    lines = ["| measured | result | on |", "|---|---|---|"]
    lines += [
        f"| {what} | {text} | {made['hardware']} |" for what, text, made in rows()
    ]
    return "\n".join(lines) + "\n"


def updated(readme):
    """Returns the text of README with the table as the records have it."""
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
