"""Speed of Scenes: images of 32x32 a second on one core, and what batching brings.

Claim: `render` draws at least 3,000 images of 32x32 in a second of one core's time,
and at least 4 times as many as when it is asked for ten at a time.
Writes data/records/scenes_speed.json; takes about 10 s on one core.
"""

import statistics
import sys
import time

import record

from cnnlab.scenes import images

NUM_IMAGES = 3_200  # in one call
ROUNDS = 7
SEED = 0
LEAST_PER_SECOND, LEAST_GAIN = 3_000, 4


def core_seconds(draw):
    """Returns the time of one core that a call takes; other programs do not count."""
    start = time.process_time()
    draw()
    return time.process_time() - start


def measure():
    """Draws in turn all at once and ten at a time; returns two lists of images/s."""
    at_once, by_tens = [], []
    images.render(NUM_IMAGES, SEED)
    for _ in range(ROUNDS):
        seconds = core_seconds(lambda: images.render(NUM_IMAGES, SEED))
        at_once.append(NUM_IMAGES / seconds)
        seconds = core_seconds(lambda: [images.render(10, s) for s in range(20)])
        by_tens.append(200 / seconds)
    return at_once, by_tens


def main():
    """Measures, prints, writes the record and checks the claim."""
    at_once, by_tens = measure()
    fast, slow = statistics.median(at_once), statistics.median(by_tens)
    print(f"all at once     {fast:8,.0f} images/s on one core")
    print(f"ten at a time   {slow:8,.0f} images/s on one core")
    print(f"gain            {fast / slow:8.1f} times")
    content = {
        "what": f"render({NUM_IMAGES}) and render(10), 32x32, one core, no GPU",
        "data": {"name": "Scenes", "source": "embedded", "seed": SEED},
        **record.conditions("numpy"),
        "images_per_second": round(fast),
        "gain": round(fast / slow, 1),
        "runs": {
            "at_once": [round(value) for value in at_once],
            "by_tens": [round(value) for value in by_tens],
        },
    }
    record.write("scenes_speed", content)
    if fast < LEAST_PER_SECOND or fast < LEAST_GAIN * slow:
        sys.exit("Slower than claimed.")


if __name__ == "__main__":
    main()
