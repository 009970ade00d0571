"""PyTorch's older format: what is in a file, and what no file may do.

The files are put together here, instruction by instruction, since the pickles of
hostile ones cannot be written by `pickle` itself.
"""

import os
import pickle
import random
import tracemalloc
from typing import NamedTuple

import numpy as np
import pytest

from cnnlab.data import torch_file

FLOATS = np.arange(12, dtype="<f4")
INTEGERS = np.array([7], "<i8")


class Name(NamedTuple):
    text: str


class Call(NamedTuple):
    function: object
    arguments: tuple


class Stored(NamedTuple):
    persistent_id: tuple


class Raw(NamedTuple):
    instructions: bytes


def instructions(value):
    """Returns the instructions that make a value on the stack."""
    match value:
        case Raw(code):
            return code
        case Name(text):
            return f"c{text}\n".replace(" ", "\n").encode()
        case Call(function, arguments):
            return instructions(function) + instructions(arguments) + b"R"
        case Stored(persistent_id):
            return instructions(persistent_id) + b"Q"
        case tuple():
            return b"(" + b"".join(map(instructions, value)) + b"t"
        case list():
            return b"](" + b"".join(map(instructions, value)) + b"e"
        case dict():
            items = (each for item in value.items() for each in item)
            return b"}(" + b"".join(map(instructions, items)) + b"u"
    return pickle.dumps(value, 2)[2:-1]


def pickled(value):
    return b"\x80\x02" + instructions(value) + b"."


def storage(key="0", length=12, kind="torch FloatStorage"):
    return Stored(("storage", Name(kind), key, "cpu", length, None))


def tensor(stored=None, offset=0, shape=(12,), strides=(1,)):
    hooks = Call(Name("collections OrderedDict"), ())
    arguments = (stored or storage(), offset, shape, strides, False, hooks)
    return Call(Name("torch._utils _rebuild_tensor_v2"), arguments)


def file_of(tensors, storages=None, **changes):
    """Returns the bytes of a file; `changes` replace its other parts."""
    storages = {"0": FLOATS} if storages is None else storages
    parts = {
        "magic": torch_file.MAGIC,
        "version": torch_file.VERSION,
        "machine": {"little_endian": True, "type_sizes": {"int": 4}},
        "tensors": tensors,
        "keys": list(storages),
    } | changes
    content = b"".join(map(pickled, parts.values()))
    for numbers in storages.values():
        content += len(numbers).to_bytes(8, "little") + numbers.tobytes()
    return content


@pytest.fixture(autouse=True)
def nothing_is_called(monkeypatch):
    calls = []
    monkeypatch.setattr(os, "system", calls.append)
    yield
    assert calls == []


def test_tensors_come_by_name_in_the_order_of_the_file():
    counter = tensor(storage("1", 1, "torch LongStorage"), shape=(), strides=())
    content = file_of({"b": tensor(), "a": counter}, {"1": INTEGERS, "0": FLOATS})
    arrays = torch_file.read(content)
    assert list(arrays) == ["b", "a"]
    np.testing.assert_array_equal(arrays["b"], FLOATS)
    assert (arrays["a"], arrays["a"].dtype, arrays["a"].shape) == (7, "int64", ())
    assert arrays["b"].dtype == "float32"
    assert not arrays["b"].flags.writeable


def test_strides_and_offsets_are_honoured_and_a_storage_may_be_shared():
    transposed = tensor(shape=(3, 4), strides=(1, 3))
    part = tensor(offset=5, shape=(2, 2), strides=(4, 2))
    arrays = torch_file.read(file_of({"transposed": transposed, "part": part}))
    np.testing.assert_array_equal(arrays["transposed"], FLOATS.reshape(4, 3).T)
    np.testing.assert_array_equal(arrays["part"], [[5, 7], [9, 11]])


def test_attributes_of_the_dict_are_passed_over():
    built = Call(Name("collections OrderedDict"), ())
    filled = instructions(built) + b"(" + instructions("a") + instructions(tensor())
    state = instructions({"_metadata": {"": {"version": 1}}})
    content = file_of(Raw(filled + b"u" + state + b"b"))
    assert list(torch_file.read(content)) == ["a"]


@pytest.mark.parametrize(
    "view",
    [
        {"offset": 1},
        {"offset": -1},
        {"shape": (13,)},
        {"strides": (2,)},
        {"strides": (-1,), "offset": 11},
        {"shape": (4, 3), "strides": (4, 1)},
        {"shape": (2**40, 2**40), "strides": (0, 0)},
        {"shape": (2**62,), "strides": (2**62,)},
        {"shape": (2**70,)},
        {"shape": (1,) * 9, "strides": (1,) * 9},
        {"shape": (12, 1)},
        {"shape": [12]},
        {"shape": ("12",)},
        {"shape": (True,)},
        {"offset": "0"},
        {"offset": 13, "shape": (0,)},
    ],
    ids=str,
)
def test_a_tensor_that_leaves_its_storage_is_refused(view):
    with pytest.raises(ValueError, match="must lie within its|offset, shape and str"):
        torch_file.read(file_of({"a": tensor(**view)}))


def nested(depth):
    """A tuple of few bytes that takes 2**depth steps to print or to hash."""
    return Raw(b")" + b"q\x01h\x01\x86" * depth)


COMMAND = ("touch /tmp/harm",)
GETATTR = Name("__builtin__ getattr")
HOSTILE = {
    "a command": Call(Name("posix system"), COMMAND),
    "a command of the module os": Call(Name("os system"), COMMAND),
    "a command as a tensor": {"a": Call(Name("os system"), COMMAND)},
    "code": Call(Name("__builtin__ eval"), ("__import__('os').system('id')",)),
    "a chain of getattr": Call(Call(GETATTR, (Name("os path"), "os")), ()),
    "getattr of what is known": Call(GETATTR, (Name("torch FloatStorage"), "a")),
    "a dotted name": Name("collections OrderedDict.fromkeys"),
    "another name of a known module": Name("collections namedtuple"),
    "a name not from PyTorch alone": Name("torch.hub load"),
    "a dict with arguments": Call(Name("collections OrderedDict"), ([("a", 1)],)),
    "a storage as a function": Call(Name("torch FloatStorage"), (12,)),
    "a string as a function": Call("os.system", COMMAND),
    "a new object": Raw(instructions(Name("collections OrderedDict")) + b")\x81"),
    "an old instance": Raw(b"(" + instructions("id") + b"ios\nsystem\n"),
    "an instance by its class": Raw(
        b"(" + instructions(Name("torch FloatStorage")) + b"o"
    ),
    "a name from the stack": Raw(instructions("os") + instructions("system") + b"\x93"),
    "an extension": Raw(b"\x82\x01"),
    "a persistent id of a line": Raw(b"Pstorage\n"),
    "bytes": Raw(b"C\x02id"),
    "a string without end": Raw(b"X\xff\xff\xff\x7fid"),
    "a longer string without end": Raw(b"\x8d" + b"\xff" * 7 + b"\x7fid"),
    "bytes without end": Raw(b"\x96" + b"\xff" * 7 + b"\x7fid"),
    "a frame without end": Raw(b"\x95" + b"\xff" * 7 + b"\x7f}"),
    "a memo that was not filled": Raw(b"j\xff\xff\xff\xff"),
    "an empty stack": Raw(b"R"),
    "a stack without a mark": Raw(b"u"),
    "a pair without its value": Raw(b"}(X\x01\x00\x00\x00au"),
    "items of a number": Raw(b"K\x01(K\x01e"),
    "two results": Raw(b"}}"),
    "a key that hashes forever": Raw(b"}" + nested(60).instructions + b"Ns"),
    "a storage that prints forever": Stored(nested(60)),
    "a kind that hashes forever": {
        "a": tensor(Stored(("storage", nested(60), "0", "cpu", 12, None)))
    },
    "a tensor that prints forever": {"a": nested(60)},
    "a shape that prints forever": {"a": tensor(shape=nested(60))},
    "an endless storage": {"a": tensor(storage(length=2**62))},
    "a storage beyond 64 bits": {"a": tensor(storage(length=2**80))},
    "a storage of less than nothing": {"a": tensor(storage(length=-1))},
    "a storage of another kind": {"a": tensor(storage(kind="torch._utils _rebuild"))},
    "a storage of a known function": {
        "a": tensor(storage(kind="collections OrderedDict"))
    },
    "a view of a storage": {
        "a": tensor(
            Stored(
                ("storage", Name("torch FloatStorage"), "0", "cpu", 12, ("1", 0, 12))
            )
        )
    },
    "a number as a key of a storage": {"a": tensor(storage(key=0))},
    "a file of other things": {
        "a": tensor(
            Stored(("module", Name("torch FloatStorage"), "0", "cpu", 12, None))
        )
    },
    "a tensor without a storage": {"a": tensor((1, 2, 3))},
    "a tensor of one argument": {
        "a": Call(Name("torch._utils _rebuild_tensor_v2"), (1,))
    },
    "a number as a tensor": {"a": 1},
    "no dict": ["a"],
}


@pytest.mark.parametrize("tensors", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_pickle_is_refused_and_nothing_called(tensors):
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"\w"):
        torch_file.read(file_of(tensors))
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_a_name_that_is_refused_is_named():
    message = "does not need 'posix system': it was not called. Known: collections Ord"
    with pytest.raises(ValueError, match=message):
        torch_file.read(file_of(Name("posix system")))
    with pytest.raises(
        ValueError, match="does not need NEWOBJ: it was not carried out"
    ):
        torch_file.read(file_of(HOSTILE["a new object"]))


def test_a_memo_with_a_huge_number_takes_no_room():
    """Python's own machine makes room for all numbers below: 64 GB."""
    content = file_of(Raw(instructions({"a": tensor()}) + b"r\xff\xff\xff\xff"))
    tracemalloc.start()
    assert list(torch_file.read(content)) == ["a"]
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"magic": 1}, "must begin with PyTorch's magic number and version 1001"),
        ({"version": 1002}, "must begin with PyTorch's magic number and version 1001"),
        ({"machine": {"little_endian": False}}, "must hold little-endian numbers"),
        ({"machine": {}}, "must hold little-endian numbers"),
        ({"machine": []}, "facts about a machine. Received: list"),
        ({"keys": []}, "must list the storages that its tensors use"),
        ({"keys": ["0", "0"]}, "must list the storages that its tensors use"),
        ({"keys": ["1"]}, "must list the storages that its tensors use"),
        ({"keys": [0]}, "names as keys. Received: list"),
        ({"keys": "0"}, "a list of keys. Received: str"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        torch_file.read(file_of({"a": tensor()}, **changes))


def test_storages_that_contradict_each_other_are_refused():
    other = tensor(storage(length=11), shape=(11,))
    with pytest.raises(ValueError, match="one kind and length. b wants another"):
        torch_file.read(file_of({"a": tensor(), "b": other}))


def test_a_file_that_ends_too_early_or_too_late_is_refused():
    content = file_of({"a": tensor()})
    for length in range(len(content)):
        with pytest.raises(ValueError, match=r"\w"):
            torch_file.read(content[:length])
    with pytest.raises(ValueError, match="cut short at the storage '0'.* 12 numbers"):
        torch_file.read(content[:-1])
    with pytest.raises(ValueError, match="after its last storage. Received: 1 bytes"):
        torch_file.read(content + b"\0")


def test_altered_files_are_read_or_refused_and_do_nothing_else():
    content = file_of({"a": tensor(shape=(3, 4), strides=(1, 3))})
    rng = random.Random(0)
    refused = 0
    for _ in range(3000):
        altered = bytearray(content)
        for _ in range(rng.choice([1, 1, 2, 5])):
            altered[rng.randrange(len(altered))] = rng.randrange(256)
        try:
            arrays = torch_file.read(bytes(altered))
        except ValueError:
            refused += 1
        else:
            assert all(array.size <= 12 for array in arrays.values())
    assert refused > 1000


def test_a_zip_archive_of_newer_versions_is_refused():
    with pytest.raises(ValueError, match=r"\w"):
        torch_file.read(b"PK\x03\x04" + bytes(100))
