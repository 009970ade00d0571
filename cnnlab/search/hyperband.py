"""Hyperband: successive halving several times over, each time judging later.

Taught in notebooks/09_architecture_search.ipynb.
Source: Li et al. 2018, algorithm 1, https://jmlr.org/papers/v18/16-558.html
"""

import math


def brackets(max_epochs, factor=3):
    """Lists what one iteration of KerasTuner's Hyperband does.

    Args:
        max_epochs: Epochs of the networks that get furthest, 1 or more.
        factor: One network in `factor`, 2 or more, is promoted to `factor` times the
            epochs.

    Returns:
        A list of brackets in their order; a bracket is a list of rounds `(trials,
        first_epoch, last_epoch)`: that many networks go on from the first to the last.

    Raises:
        ValueError: If `max_epochs` is below 1 or `factor` below 2.
    """
    if max_epochs < 1 or factor < 2:
        raise ValueError(
            "`max_epochs` must be 1 or more, and `factor` 2 or more. "
            f"Received: max_epochs={max_epochs}, factor={factor}"
        )
    most = 0  # promotions in the bracket that judges earliest
    while factor ** (most + 1) <= max_epochs:
        most += 1
    finalists = math.ceil(1 + math.log(max_epochs, factor))
    plan = []
    for promotions in range(most, -1, -1):
        left = range(promotions, -1, -1)  # promotions left, round by round
        sizes = [math.ceil(finalists / (promotions + 1) * factor**n) for n in left]
        ends = [math.ceil(max_epochs / factor**n) for n in left]
        plan.append(list(zip(sizes, [0, *ends[:-1]], ends)))
    return plan
