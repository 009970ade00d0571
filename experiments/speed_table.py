"""README's table of speeds, from the records, so that it states nothing else.

python -m experiments --tables
"""

import statistics

from cnnlab.records import format_mean_std
from experiments.harness import read_rows

BEGIN, END = "<!-- speeds: make bench -->\n", "<!-- end of speeds -->\n"


def table():
    """Returns the table in Markdown."""
    lines = ["| measured | result | on |", "|---|---|---|"]
    for rows in (drawings, waits, onednn, int8, images_a_second, races):
        lines += [f"| {what} | {text} | {on} |" for what, text, on in rows()]
    return "\n".join(lines) + "\n"


def update(readme):
    """Returns the text of README with the table as the records have it."""
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


def drawings():
    """Yields what is measured, the result and the hardware, as all functions below."""
    summary = read_rows("convolution_speed")[-1]
    faster = summary["times_as_fast_as_loops"]
    longer = summary["times_as_long_as_tensorflow"]
    text = f"{faster:,} times as fast as loops, {longer} times as long as TensorFlow"
    what = "convolution in NumPy alone, 3x3, 64 filters"
    yield what, text, summary["hardware"]
    scenes = read_rows("scenes_speed")[0]
    rate = statistics.median(scenes["images_per_second"])
    text = f"{rate:,} images of 32x32 a second on one core"
    yield "*Scenes*, drawn", text, scenes["hardware"]
    (clips,) = read_rows("clips_speed")
    rate = statistics.median(clips["clips_per_second"])
    text = f"{rate:,} clips of 8 frames a second on one core"
    yield "*Scenes* in motion, drawn", text, clips["hardware"]


def waits():
    """Yields how much of a training TensorFlow waits."""
    from experiments.lesson_02.epoch_waits import KINDS, share_waited

    rows = read_rows("epoch_waits")
    shares = [(100 * share_waited(rows, kind), kind) for kind in KINDS]
    text = ", ".join(f"{share:.1f} % with {kind} datasets" for share, kind in shares)
    yield "waiting between epochs, of a training", text, rows[0]["hardware"]


def onednn():
    """Yields what oneDNN brings each network."""
    from experiments.lesson_02.onednn import NETWORKS, times_as_fast

    rows = read_rows("onednn")
    names = [name for name in NETWORKS if "bfloat16" not in name]  # for comparison
    text = ", ".join(f"{name} {times_as_fast(rows, name):.1f}" for name in names)
    what = "training with oneDNN where TensorFlow leaves it off, times as fast"
    yield what, text, rows[0]["hardware"]


def int8():
    """Yields what int8 brings."""
    from experiments.lesson_15.tflite_cost import claims

    rows = read_rows("tflite_cost")
    (faster, _), (smaller, _), *_ = claims(rows).values()
    text = f"{faster} times as fast and {smaller} times as small as in float32"
    yield "modern CNN in int8, TFLite, one thread", text, rows[0]["hardware"]


def images_a_second():
    """Yields how fast the fast recipe trains, beside PyTorch."""
    rows = read_rows("fast_cnn_rivals")
    speeds = ", ".join(
        f"{row['arm']} {statistics.median(row['images_per_second']):.0f}"
        for row in rows
    )
    what = "fast recipe on two cores, images a second"
    yield what, f"{speeds} (median)", rows[0]["hardware"]


def races():
    """Yields what each training of CIFAR-10 reaches, in the order of the records."""
    for name in ("cifar10_race", "cifar10_race_gpu"):
        alike = {}
        for row in read_rows(name):
            key = row.get("setting"), row["arm"], row["hardware"]
            alike.setdefault(key, []).append(row)
        for (_, arm, hardware), rows in alike.items():
            yield (
                *race(arm if name == "cifar10_race" else "fast recipe", rows),
                hardware,
            )


def race(arm, rows):
    """Returns what runs that differ in their seeds alone are, and what they reach."""
    plain, averaged = (
        format_mean_std([100 * row[f"test_{key}accuracy"] for row in rows])
        for key in ("", "flip_averaged_")
    )
    seconds = statistics.mean(row["seconds"] for row in rows)
    filters = rows[0].get("filters")
    if filters:
        arm = f"{arm}, {'/'.join(map(str, filters))} filters"
    return (
        f"CIFAR-10, {arm}, {rows[0]['epochs']} epochs",
        f"{plain} %, {averaged} % with flip averaging, in {seconds:.0f} s "
        f"(seeds: {len(rows)})",
    )
