"""Speed of Scenes: images of 32x32 a second on one core, and what batching brings.

    python -m experiments scenes_speed

Claim: `render` draws at least 3,000 images of 32x32 in a second of one core's time,
and at least 4 times as many as when it is asked for ten at a time.
"""

import statistics
import sys
import time

from cnnlab.scenes import images
from experiments.harness import Experiment
from experiments.timing import interleaved

NUM_IMAGES = 3_200  # in one call
ROUNDS = 7
SEED = 0
LEAST_PER_SECOND, LEAST_GAIN = 3_000, 4


def run(seed):
    """Draws in turn all at once and ten at a time; returns images a second of each."""
    draws = {
        "at once": lambda: images.render(NUM_IMAGES, seed),
        "by tens": lambda: [images.render(10, number) for number in range(20)],
    }
    num_drawn = {"at once": NUM_IMAGES, "by tens": 200}
    found = interleaved(draws, ROUNDS, clock=time.process_time)
    return [
        {"arm": arm, "images_per_second": [round(num_drawn[arm] / s) for s in seconds]}
        for arm, seconds in found.items()
    ]


def finish(rows):
    """Checks the claim."""
    fast, slow = (statistics.median(row["images_per_second"]) for row in rows)
    print(
        f"{fast:,.0f} images/s on one core, {fast / slow:.1f} times as many as by tens"
    )
    if fast < LEAST_PER_SECOND or fast < LEAST_GAIN * slow:
        sys.exit("Slower than claimed.")


EXPERIMENT = Experiment(
    name="scenes_speed",
    question="how many images of Scenes one core draws in a second",
    run=run,
    budget={"what": f"render({NUM_IMAGES}) and render(10), 32x32, one core, no GPU"},
    seeds=[SEED],
    minutes=0.2,
    packages=["numpy"],
    alone=True,
    anew=True,
    finish=finish,
)
