import json
import os
import subprocess
import sys
from io import StringIO

import numpy as np
import pytest
from keras import Input, Sequential, layers
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from cnnlab import cli
from cnnlab.lite import commands
from cnnlab.lite.classify import Answer, Classifier
from cnnlab.lite.convert import convert
from cnnlab.lite.package import PackageError, pack
from cnnlab.lite.preprocessing import Preprocessing

LABELS = ("red", "green", "blue")
HOW = Preprocessing(8, 8)
SHARPNESS = 8  # logits from 0 to this: e^8 against 1 and 1 for a picture of one colour
VARIANTS = ("float32", "int8", "uint8")


@pytest.fixture(scope="module")
def flatbuffers():
    """A network that sees colours, in three variants: logits are 8 times the mean."""
    network = Sequential(
        [
            Input((8, 8, 3)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, kernel_initializer="identity"),
            layers.Rescaling(SHARPNESS),
        ]
    )
    images = np.random.default_rng(0).random((64, 8, 8, 3), "float32")
    images *= np.indices((4, 4, 4)).reshape(3, 64).T[:, None, None, :] / 3
    images[:3] = np.eye(3)[:, None, None, :]  # the purest colours
    return {variant: convert(network, variant, images) for variant in VARIANTS}


@pytest.fixture
def folder(tmp_path, monkeypatch, flatbuffers):
    """A working folder with models and two pictures, where commands are given."""
    monkeypatch.chdir(tmp_path)
    for variant, flatbuffer in flatbuffers.items():
        packed = pack(flatbuffer, LABELS, HOW, {"data": "three colours"})
        (tmp_path / f"{variant}.tflite").write_bytes(packed)
    (tmp_path / "pictures").mkdir()
    for name, colour in [("one", "red"), ("two", "blue")]:
        Image.new("RGB", (30, 20), colour).save(f"pictures/{name}.png")
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(cli.app, ["classify", *map(str, arguments)])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("colour", LABELS)
def test_probabilities_are_the_softmax_of_the_dequantised_logits(
    folder, variant, colour
):
    Image.new("RGB", (8, 8), colour).save("picture.png")
    value = 128 / 255 if colour == "green" else 1  # the green of CSS
    classifier = Classifier(f"{variant}.tflite")
    first, second, third = classifier.answer("picture.png")
    assert first.label == colour
    expected = 1 / (1 + 2 * np.exp(-SHARPNESS * value))
    assert first.probability == pytest.approx(expected, abs=0.01)
    assert first.probability + second.probability + third.probability == pytest.approx(
        1
    )


def test_softmax_of_great_logits_stays_finite(folder, monkeypatch):
    classifier = Classifier("float32.tflite")
    monkeypatch.setattr(classifier, "logits", lambda image: np.float32([0, 1e4, 1e4]))
    answers = classifier.answer("pictures/one.png")
    assert answers == [Answer("green", 0.5), Answer("blue", 0.5), Answer("red", 0)]


@pytest.mark.parametrize(("num_answers", "expected"), [(1, 1), (2, 2), (99, 3)])
def test_as_many_classes_are_named_as_wanted_and_there(folder, num_answers, expected):
    answers = Classifier("int8.tflite").answer("pictures/one.png", num_answers)
    assert len(answers) == expected
    assert answers == sorted(answers, key=lambda answer: -answer.probability)


def test_a_classifier_tells_where_its_model_comes_from(folder):
    assert Classifier("int8.tflite").provenance == {"data": "three colours"}


@pytest.fixture
def unlabelled(folder, flatbuffers):
    """The model's path; its file holds the preprocessing and no labels."""
    packed = pack(flatbuffers["int8"], LABELS, HOW, {})
    path = folder / "model.tflite"
    path.write_bytes(packed.replace(b"labels.txt", b"others.txt"))
    return path


@pytest.mark.parametrize("name", ["model.labels.txt", "labels.txt"])
def test_labels_may_lie_beside_the_model(unlabelled, name):
    (unlabelled.parent / name).write_text("rosso\nverde\nblu\n")
    assert Classifier(unlabelled).labels == ("rosso", "verde", "blu")


def test_labels_of_the_models_name_come_before_those_of_the_folder(unlabelled):
    unlabelled.with_suffix(".labels.txt").write_text("a\nb\nc\n")
    unlabelled.with_name("labels.txt").write_text("d\ne\nf\n")
    assert Classifier(unlabelled).labels == ("a", "b", "c")


def test_a_model_without_labels_is_refused_with_the_way_out(unlabelled):
    rule = "they lie beside it in model.labels.txt or labels.txt. Received: neither"
    with pytest.raises(PackageError, match=rule):
        Classifier(unlabelled)


def test_a_model_without_preprocessing_is_refused_with_the_way_out(folder, flatbuffers):
    (folder / "bare.tflite").write_bytes(flatbuffers["int8"])
    rule = "`cnnlab.lite.package.pack`. Received: a model without"
    with pytest.raises(PackageError, match=rule):
        Classifier("bare.tflite")


@pytest.mark.parametrize(
    ("labels", "how"), [(LABELS[:2], HOW), (LABELS, Preprocessing(8, 8, "grey"))]
)
def test_labels_and_preprocessing_must_fit_the_network(
    folder, flatbuffers, labels, how
):
    (folder / "other.tflite").write_bytes(pack(flatbuffers["int8"], labels, how, {}))
    rule = r"ask for one input \(1, 8, 8, .*Received: inputs \[\(1, 8, 8, 3\)\], outp"
    with pytest.raises(PackageError, match=rule):
        Classifier("other.tflite")


def test_a_model_that_ends_in_a_softmax_is_refused(folder):
    network = Sequential(
        [
            Input((8, 8, 3)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    packed = pack(convert(network, "float32"), LABELS, HOW, {})
    (folder / "softmax.tflite").write_bytes(packed)
    with pytest.raises(PackageError, match=r"end in logits.* Received: .* sum to 1.0"):
        Classifier(folder / "softmax.tflite")


def test_a_model_cut_short_is_refused(folder):
    content = (folder / "int8.tflite").read_bytes()
    (folder / "cut.tflite").write_bytes(content[:1000])
    with pytest.raises(PackageError, match="TFLite cannot run it: .*not a valid"):
        Classifier("cut.tflite")


def test_lines_are_plain_and_stable_when_they_are_not_for_a_terminal(folder):
    result = call("int8.tflite", "pictures", "pictures/one.png", "--top", 1)
    assert result.exit_code == 0
    assert [line.split("\t")[:2] for line in result.stdout.splitlines()] == [
        ["pictures/one.png", "red"],
        ["pictures/two.png", "blue"],
        ["pictures/one.png", "red"],
    ]
    assert result.stderr == ""


def test_probabilities_have_four_decimals(folder):
    (line,) = call("float32.tflite", "pictures/one.png").stdout.splitlines()
    assert line == "pictures/one.png\tred\t0.9993\tgreen\t0.0003\tblue\t0.0003"


def test_json_is_one_object_a_line_also_of_what_failed(folder):
    result = call("int8.tflite", "pictures/one.png", "nothing.png", "--json")
    assert result.exit_code == 1
    answered, failed = map(json.loads, result.stdout.splitlines())
    assert answered["file"] == "pictures/one.png"
    assert [answer["label"] for answer in answered["answers"]][0] == "red"
    assert answered["answers"][0]["probability"] == pytest.approx(1, abs=0.01)
    assert failed == {"file": "nothing.png", "error": "There is no such file"}


def test_one_bad_picture_does_not_keep_the_others_from_their_answers(folder):
    cut = (folder / "pictures" / "one.png").read_bytes()[:60]
    (folder / "pictures" / "cut.png").write_bytes(cut)
    (folder / "text.png").write_text("no picture")
    result = call("int8.tflite", "text.png", "pictures", "nothing.png", "--top", 1)
    assert result.exit_code == 1
    names = [line.split("\t")[0] for line in result.stdout.splitlines()]
    assert names == ["pictures/one.png", "pictures/two.png"]
    text, cut, nothing = result.stderr.splitlines()
    assert text.startswith("text.png: A picture is a file in")
    assert cut.startswith("pictures/cut.png: It is damaged or cut short")
    assert nothing == "nothing.png: There is no such file"


def test_other_files_of_a_folder_are_left_out_aloud_and_hidden_ones_silently(folder):
    (folder / "pictures" / "notes.txt").write_text("about them")
    (folder / "pictures" / ".hidden.png").write_text("no picture")
    result = call("int8.tflite", "pictures")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr == "pictures: left out 1 not named like a picture\n"


def test_a_folder_without_pictures_is_an_error(folder):
    (folder / "empty").mkdir()
    result = call("int8.tflite", "empty", "pictures")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr.startswith("empty: A folder holds pictures, named .avif .bmp")
    assert result.stderr.endswith("Received: none\n")


def test_a_folder_of_other_files_says_how_many(folder):
    (folder / "texts").mkdir()
    (folder / "texts" / "notes.txt").write_text("about them")
    assert call("int8.tflite", "texts").stderr.endswith("Received: 1 other files\n")


def test_a_folder_is_no_model(folder):
    result = call("pictures", "pictures/one.png")
    assert result.exit_code == 1
    assert result.stderr == "pictures: It is no ordinary file\n"


def test_a_name_that_the_output_cannot_write_is_escaped(folder):
    (folder / "pictures" / "one.png").rename("\u30ab.png")
    code = "from cnnlab.cli import main; main()"
    command = [sys.executable, "-c", code, "classify", "int8.tflite", "\u30ab.png"]
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, capture_output=True, env=ascii_only, check=True)
    assert result.stdout.startswith(b"\\u30ab.png\tred\t")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (None, "There is no such file"),
        (b"\x08\x09\x12\x07pytorch", "has the letters TFL3 at its fifth byte"),
    ],
)
def test_a_wrong_model_is_one_clear_line(folder, content, rule):
    if content:
        (folder / "model.onnx").write_bytes(content)
    result = call("model.onnx", "pictures")
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("model.onnx: ")
    assert rule in line


def test_top_must_be_positive(folder):
    assert call("int8.tflite", "pictures", "--top", 0).exit_code == 2


def test_a_name_cannot_steer_the_terminal_or_break_the_line(folder):
    name = "a\x1b[31m\nb\udcff.png"
    (folder / "pictures" / "one.png").rename(folder / name)
    (line,) = call("int8.tflite", name, "--top", 1).stdout.splitlines()
    assert line.startswith("a�[31m�b�.png\tred\t")


def test_a_terminal_shows_a_bar_for_each_class(monkeypatch):
    screen = StringIO()
    console = Console(file=screen, width=60)
    monkeypatch.setattr(commands, "Console", lambda **options: console)
    commands._show_bars("cat.png", [Answer("cat [bold]", 0.75), Answer("dog", 0.25)])
    name, cat, dog = screen.getvalue().splitlines()
    assert name == "cat.png"
    assert cat.split()[:2] == ["cat", "[bold]"]
    assert cat.count("█") == pytest.approx(0.75 * commands.BAR_WIDTH, abs=1)
    assert dog.count("█") == pytest.approx(0.25 * commands.BAR_WIDTH, abs=1)
    assert cat.endswith("75.0%")


def test_the_command_loads_neither_tensorflow_nor_keras_nor_matplotlib(folder):
    command = (
        "import sys; from cnnlab import cli\n"
        "try: cli.main()\n"
        "finally: print({'tensorflow', 'keras', 'jax', 'matplotlib'} & {*sys.modules})"
    )
    run = [sys.executable, "-c", command, "classify", "float32.tflite", "pictures"]
    result = subprocess.run(run, capture_output=True, text=True, check=True)
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == [
        "pictures/one.png",
        "pictures/two.png",
        "set()",
    ]
    assert result.stderr == ""
