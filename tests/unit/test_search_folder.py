import json

import numpy as np
import pytest
from search_toys import ORACLES, Formula

from cnnlab.search import folder

pytestmark = [
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
]


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    folder.write(path, {"old": 1})
    with pytest.raises(TypeError):
        folder.write(path, {"new": object()})
    assert json.loads(path.read_text()) == {"old": 1}
    folder.write(path, {"new": 2})
    assert json.loads(path.read_text()) == {"new": 2}
    assert list(tmp_path.iterdir()) == [path]


def test_a_search_is_read_from_its_folder(tmp_path):
    Formula(ORACLES["random"](), tmp_path / "x", outcome=lambda x: x / 2).go()
    trials = folder.read_trials(tmp_path / "x")
    assert [trial["trial"] for trial in trials] == [0, 1, 2]
    for trial in trials:
        assert trial["status"] == "COMPLETED"
        assert trial["score"] == pytest.approx(trial["values"]["x"] / 2)
        assert trial["message"] is trial["cost"] is trial["diverged"] is None
        assert trial["core_seconds"] >= 0


def test_a_folder_without_a_search_holds_no_trials(tmp_path):
    assert folder.read_trials(tmp_path / "nothing") == []


def test_agreement_is_noted_once_and_kept(tmp_path):
    folder.agree(tmp_path / "x", "search", {"sizes": (1, 2), "seed": 1})
    folder.agree(tmp_path / "x", "search", {"sizes": (1, 2), "seed": 1})
    message = "x holds another search: choose .* Received: seed 2 in place of 1"
    with pytest.raises(ValueError, match=message):
        folder.agree(tmp_path / "x", "search", {"sizes": [1, 2], "seed": 2})
    with pytest.raises(ValueError, match=r"sizes None in place of \[1, 2\]"):
        folder.agree(tmp_path / "x", "search", {"seed": 1})


def test_a_search_of_someone_else_is_not_touched(tmp_path):
    (tmp_path / "oracle.json").write_text("{}")
    with pytest.raises(ValueError, match="cnnlab or none: choose another folder"):
        folder.agree(tmp_path, "search", {"seed": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["oracle.json"]


def test_a_fingerprint_tells_images_and_labels_apart():
    images, labels = np.zeros((2, 4, 4, 1), "float32"), np.arange(2)
    prints = [
        folder.fingerprint(images, labels),
        folder.fingerprint(images + 1, labels),
        folder.fingerprint(images, labels + 1),
        folder.fingerprint(images[:1], labels[:1]),
    ]
    assert len({str(each) for each in prints}) == 4
    assert prints[0][0] == [2, 4, 4, 1]
    assert folder.fingerprint(images[::-1], labels) == prints[0]
