"""README's table of speeds states what the records hold, and nothing else."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import speed_table


def test_readme_states_what_the_records_hold():
    readme = speed_table.README.read_text()
    assert speed_table.updated(readme) == readme


def test_a_number_changed_by_hand_is_overwritten():
    readme = speed_table.README.read_text()
    forged = readme.replace(" images of 32x32 a second", "9 images of 32x32 a second")
    assert forged != readme
    assert speed_table.updated(forged) == readme
