"""Two hundred submissions, forty of them hostile: every night."""

import full_class
import pytest


@pytest.mark.nightly
def test_a_class_with_forty_attackers_gets_the_marks_of_gradings_alone(tmp_path):
    full_class.grade_class(tmp_path)
