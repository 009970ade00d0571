"""Two things that KerasTuner 1.4.8 does without a word.

It numbers its random draws from the seed on: draw 5 of seed 1 is draw 4 of seed 2, so
searches with neighbouring seeds propose the same networks one after the other, and do
not show how much searches differ. And it ends a search early when its random draws
keep coming up with networks that were tried.

Taught in notebooks/09_architecture_search.ipynb.
"""

SEED_SPACING = 1_000_000  # a search draws far fewer numbers than that


def spaced_seeds(number):
    """Returns seeds for KerasTuner that lie a million draws apart.

    Args:
        number: How many seeds, 0 or more.

    Returns:
        A list of positive integers: KerasTuner takes 0 for no seed.
    """
    return [SEED_SPACING * place for place in range(1, number + 1)]


def report_exhausted_space(tuner):
    """Prints a line if a search that has ended tried fewer networks than it was to.

    Call it after `tuner.search(...)`. Of Hyperband, which has no `max_trials`, there is
    nothing to say.

    Args:
        tuner: A KerasTuner tuner, not one of the workers of a chief.
    """
    left = tuner.remaining_trials or 0
    if left > 0:
        wanted = tuner.oracle.max_trials
        print(
            f"The search ended after {wanted - left} of {wanted} trials: KerasTuner "
            "drew only networks that had been tried. The space is exhausted or nearly "
            "so: widen it, or lower `max_trials`."
        )
