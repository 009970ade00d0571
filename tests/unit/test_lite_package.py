import io
import json
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from keras import Input, Sequential, layers

from cnnlab.lite import package
from cnnlab.lite.convert import convert
from cnnlab.lite.package import PackageError, pack, unpack
from cnnlab.lite.preprocessing import Preprocessing

LABELS = ("red", "green", "sky blue")
HOW = Preprocessing(4, 6, "BGR", -1.0, 1.0, "stretch")
BARE = b"\x1c\0\0\0TFL3 and so on"  # as much of a model as its package looks at


@pytest.fixture(scope="module")
def flatbuffer():
    model = Sequential([Input((4, 6, 3)), layers.GlobalAveragePooling2D()])
    return convert(model, "float32")


@pytest.mark.parametrize("provenance", [{}, {"data": "CIFAR-10", "accuracy": 0.8}])
def test_what_is_packed_is_read_back(provenance):
    packed = pack(BARE, LABELS, HOW, provenance)
    assert unpack(packed) == (LABELS, HOW, provenance)


def test_a_bare_model_says_nothing():
    assert unpack(BARE) == (None, None, None)


@pytest.mark.parametrize(
    "open_with",
    [
        lambda content: Interpreter(model_content=content),
        lambda content: tf.lite.Interpreter(model_content=content),
    ],
    ids=["ai_edge_litert", "tf.lite"],
)
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_every_interpreter_runs_a_packed_model(flatbuffer, open_with):
    packed = pack(flatbuffer, LABELS, HOW, {})
    image = np.random.default_rng(0).random((1, 4, 6, 3), "float32")
    interpreter = open_with(packed)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert output == pytest.approx(image.mean((1, 2)), abs=1e-6)


def test_the_flatbuffer_stays_as_it_was(flatbuffer):
    assert pack(flatbuffer, LABELS, HOW, {}).startswith(flatbuffer)


def test_flatbuffer_that_was_damaged_is_refused_and_can_be_packed_again():
    packed = pack(BARE, LABELS, HOW, {})
    damaged = packed.replace(b"so on", b"so an")
    with pytest.raises(PackageError, match="damaged since, or changed .* Received: "):
        unpack(damaged)
    assert unpack(pack(damaged, LABELS, HOW, {})) == (LABELS, HOW, {})


def test_packing_again_replaces_and_keeps_what_others_have_added():
    file = io.BytesIO(BARE)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("vocabulary.txt", "mine")
    first = pack(file.getvalue(), LABELS, HOW, {"run": 1})
    again = pack(first, LABELS[::-1], HOW, {"run": 2})
    assert unpack(again) == (LABELS[::-1], HOW, {"run": 2})
    with zipfile.ZipFile(io.BytesIO(again)) as archive:
        assert archive.read("vocabulary.txt") == b"mine"
    assert len(again) == len(first)
    assert pack(again, LABELS, HOW, {"run": 1}) == first


def test_the_same_content_gives_the_same_bytes_on_every_day():
    packed = pack(BARE, LABELS, HOW, {})
    assert packed == pack(BARE, list(LABELS), HOW, {})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_members_are_stored_as_tflite_wants_them():
    with zipfile.ZipFile(io.BytesIO(pack(BARE, LABELS, HOW, {}))) as archive:
        kinds = {entry.compress_type for entry in archive.infolist()}
        assert archive.read("labels.txt") == b"red\ngreen\nsky blue\n"
    assert kinds == {zipfile.ZIP_STORED}


def test_labels_of_a_text_editor_are_read():
    content = "\ufeffred\r\n green\r\nsky blue\r\n\r\n".encode()
    assert package.read_labels(content) == LABELS


def test_two_classes_may_bear_one_name():
    labels = ("crane", "crane")
    assert unpack(pack(BARE, labels, HOW, {})).labels == labels


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x08\x07\x12\x07pytorch"])
@pytest.mark.parametrize("use", [unpack, lambda each: pack(each, LABELS, HOW, {})])
def test_another_file_is_refused_with_the_way_out(use, content):
    with pytest.raises(PackageError, match=r"TFL3.*`cnnlab.lite.convert`.*Received"):
        use(content)


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        ((), "a label for each class. Received: none"),
        (("red", " "), "not empty. Received: '' for class 1"),
        (("red\ngreen",), r"printable line.*Received: 'red\\ngreen' for class 0"),
        (("\x1b[31mred",), r"printable.*Received: '\\x1b\[31mred' for class 0"),
    ],
)
def test_labels_must_be_printable_lines(labels, rule):
    with pytest.raises(PackageError, match=rule):
        pack(BARE, labels, HOW, {})


def test_labels_must_be_text():
    with pytest.raises(PackageError, match="UTF-8. Received: other bytes"):
        package.read_labels(b"\xff\xfe\x00")


WRONG_FIELDS = [
    ({"height": 0}, r"positive integers. Received: \(0, 6\)"),
    ({"width": 6.5}, r"positive integers. Received: \(4, 6.5\)"),
    ({"low": 1.0}, r"`low` is a number below `high`. Received: \(1.0, 1.0\)"),
    ({"low": "0"}, r"`low` is a number below `high`. Received: \('0', 1.0\)"),
    ({"high": float("inf")}, r"`low` is a number below `high`. Received: \(-1.0, inf"),
    ({"low": float("nan")}, r"`low` is a number below `high`. Received: \(nan"),
    ({"colours": "HSV"}, "Colours are RGB, BGR, grey. Received: 'HSV'"),
    ({"colours": ["R"]}, r"Colours are RGB, BGR, grey. Received: \['R'\]"),
    ({"resizing": "pad"}, "Resizing is crop or stretch. Received: 'pad'"),
]


@pytest.mark.parametrize(("fields", "rule"), WRONG_FIELDS)
def test_preprocessing_must_be_usable(fields, rule):
    with pytest.raises(ValueError, match=rule):
        pack(BARE, LABELS, HOW._replace(**fields), {})


def with_member(name, content):
    file = io.BytesIO(BARE)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(("fields", "rule"), WRONG_FIELDS)
def test_preprocessing_in_a_file_must_be_usable_too(fields, rule):
    content = json.dumps(HOW._replace(**fields)._asdict())
    with pytest.raises(PackageError, match=f"preprocessing.json: .*{rule}"):
        unpack(with_member("preprocessing.json", content))


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("{", "preprocessing.json holds JSON. Received: Expecting property name"),
        ("[4]", r"preprocessing.json holds an object. Received: \[4\]"),
        ('{"height": 4}', "has the keys height, width, colours.*Received: height"),
        (b"\xff", "preprocessing.json holds JSON. Received: .*decode"),
        (" " * 1_000_001, "at most 1,000,000 bytes. Received: preprocessing.json, 1,0"),
    ],
)
def test_preprocessing_must_be_an_object_with_its_fields(content, rule):
    with pytest.raises(PackageError, match=rule):
        unpack(with_member("preprocessing.json", content))


def test_a_damaged_archive_is_named():
    packed = pack(BARE, LABELS, HOW, {}).replace(b"sky blue\n", b"sky grey\n")
    with pytest.raises(PackageError, match="labels.txt cannot be read: Bad CRC-32"):
        unpack(packed)
