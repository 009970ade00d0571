"""Speed of the explorers that draw a figure: how long a turned knob waits.

Claim: each answers within 150 ms. Takes about 10 s on two cores.
"""

import statistics
import time

from cnnlab.widgets.activations import activation_explorer
from cnnlab.widgets.receptive_field import receptive_field_explorer
from cnnlab.widgets.schedules import schedule_explorer

EXPLORERS = [receptive_field_explorer, activation_explorer, schedule_explorer]
ROUNDS = 21
LIMIT = 0.15  # seconds, the longest that feels immediate


def median_seconds(explorer):
    """Redraws an explorer several times; returns the median of the durations."""
    durations = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        explorer.redraw()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)


def main():
    """Measures, prints a table and checks the claim."""
    seconds = {
        build.__name__: median_seconds(build(in_browser=True)) for build in EXPLORERS
    }
    for name, duration in seconds.items():
        print(f"{name:28} {1000 * duration:6.0f} ms")
    if max(seconds.values()) > LIMIT:
        raise SystemExit("The claim does not hold on this machine.")


if __name__ == "__main__":
    main()
