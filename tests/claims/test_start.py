"""The package and its command start at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick
RUNS = 5  # the best of them counts


def processor_seconds(*command):
    """Seconds that a command computes: on an idle machine those that one waits for."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def best(*command):
    return min(processor_seconds(*command) for _ in range(RUNS))


def test_import_takes_less_than_three_tenths_of_a_second():
    assert best(sys.executable, "-c", "import cnnlab") < 0.3


def test_help_takes_less_than_half_a_second():
    assert best(Path(sys.executable).with_name("cnnlab"), "--help") < 0.5
