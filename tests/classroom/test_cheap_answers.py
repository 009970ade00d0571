"""No exercise is worth more than a quarter to who answers without a thought."""

import cheap
import numpy as np
import pytest
from test_assignments import NAMES, source_of
from test_sandbox import run_code

from cnnlab.classroom import exercise, sandbox

EXERCISES = [
    (name, each) for name in NAMES for each in exercise.read(source_of(name)[0])
]
IDS = [f"{name[:2]}-{each.name}" for name, each in EXERCISES]
MODULES = {  # what a notebook may import when it is graded
    True: (np, np.linalg),
}


@pytest.mark.parametrize(("name", "asked"), EXERCISES, ids=IDS)
def test_no_constant_and_no_argument_earns_more_than_a_quarter(name, asked):
    share, answer = cheap.best(asked)
    assert share <= 0.25, answer


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "asked"), EXERCISES, ids=IDS)
def test_no_single_call_earns_more_than_a_quarter(name, asked):
    _, notebook = source_of(name)
    share, answer = cheap.best(asked, *MODULES[notebook.metadata.cnnlab.numpy_alone])
    assert share <= 0.25, answer


def test_a_cheap_answer_is_found():
    cases = [exercise.case(np.arange(4.0) + n, points=1, about="") for n in (1, 2)]
    asked = exercise.Exercise("sum", 2, lambda x: x.sum(), lambda random: cases, ())
    assert cheap.best(asked, np)[0] == 1
    asked = exercise.Exercise("mad", 2, lambda x: x.std() + 7, lambda random: cases, ())
    assert cheap.best(asked)[1].startswith("the constant")


def test_where_numpy_is_alone_nothing_else_can_be_imported():
    code = "for name in ('scipy', 'keras', 'tensorflow', 'sklearn', 'pandas', 'numpy',"
    code += " 'cnnlab.convolution', 'cnnlab.evaluate', 'cnnlab.lite', 'cnnlab.train',"
    code += " 'cnnlab.doctor', 'cnnlab.classroom.hints'):\n    try:\n"
    code += "        module = __import__(name, fromlist=['x'])\n"
    code += "        if module.__file__: print(name)\n    except ImportError: pass"
    hidden = run_code(code, metadata={"cnnlab": {"numpy_alone": True}})
    assert hidden.split() == ["numpy", "cnnlab.classroom.hints"]
    assert any(path.endswith("scipy") for path in sandbox.libraries())
