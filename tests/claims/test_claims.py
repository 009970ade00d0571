"""Every number that a lesson or README takes from a record is found and recomputed."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from computed import evaluate, fill

pytestmark = pytest.mark.quick
ROOT = Path(__file__).parents[2]
FILES = sorted(Path(__file__).parent.glob("*.toml"))
NUMBER_WITH_UNIT = re.compile(
    r"\d[\d,.]*(?: ± \d[\d.]*)? ?"
    r"(?:%|points?|times|images|epochs|pixels|clips|glands|pieces|photographs)\b|"
    r"\d[\d,.]*(?: ± \d[\d.]*)? %"
)


def read_text(name):
    """Returns the prose of a lesson, or README, with single spaces."""
    if name == "README":
        text = (ROOT / "README.md").read_text(encoding="utf-8")
    else:
        (path,) = (ROOT / "notebooks").glob(f"{name}_*.ipynb")
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        prose = [cell for cell in cells if cell["cell_type"] == "markdown"]
        text = "\n".join("".join(cell["source"]) for cell in prose)
    return " ".join(text.split())


def read_claims(path):
    """Returns the claims of a file, and the names that it defines for them."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    names = {}
    for name, expression in content.get("let", {}).items():
        names[name] = evaluate(expression, names)
    return content["claim"], names


def all_claims():
    """Returns the parameters of the test below: document, claim and its names."""
    found = []
    for path in FILES:
        claims, names = read_claims(path)
        for claim in claims:
            name = f"{path.stem}: {claim['text'][:60]}"
            found.append(pytest.param(path.stem, claim, names, id=name))
    return found


@pytest.mark.parametrize(("document", "claim", "names"), all_claims())
def test_the_sentence_stands_and_the_records_bear_it(document, claim, names):
    assert claim.keys() & {"computed", "holds"}, "a claim needs something to rest on"
    text = " ".join(claim["text"].split())
    assert text in read_text(document), "the sentence is gone"
    if "computed" in claim:
        assert " ".join(fill(claim["computed"], names).split()) == text
    for expression in claim.get("holds", ()):
        assert evaluate(expression, names), expression


def test_a_number_with_a_unit_in_readmes_table_of_lessons_has_a_claim():
    readme = read_text("README")
    claims, _ = read_claims(Path(__file__).with_name("README.toml"))
    claimed = set()
    for claim in claims:
        text = " ".join(claim["text"].split())
        for match in re.finditer(re.escape(text), readme):
            claimed |= set(range(*match.span()))
    begin, end = readme.index("## Lessons"), readme.index("[Start here]")
    unclaimed = [
        readme[match.start() - 40 : match.end()]
        for match in NUMBER_WITH_UNIT.finditer(readme, begin, end)
        if match.start() not in claimed
    ]
    assert unclaimed == []


def test_a_changed_number_and_a_lost_sentence_are_noticed():
    claim = {"text": "A model to take along", "computed": "A model to take {6 * 7}"}
    with pytest.raises(AssertionError):
        test_the_sentence_stands_and_the_records_bear_it("README", claim, {})
    with pytest.raises(AssertionError, match="the sentence is gone"):
        test_the_sentence_stands_and_the_records_bear_it(
            "README", {"text": "no such text", "holds": ["True"]}, {}
        )
