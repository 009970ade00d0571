"""Reads weights from a file of PyTorch in its older format, without PyTorch.

Used by `cnnlab.data.pretrained`, for lesson 05.
Source: `_legacy_save` in
    https://github.com/pytorch/pytorch/blob/v2.0.0/torch/serialization.py; what the
    instructions of a pickle do, https://docs.python.org/3/library/pickletools.html

Such a file holds five pickles (a magic number, the version of the format, facts about
the machine that wrote it, the tensors, the keys of their storages) and then each
storage: how many numbers, and the numbers. A pickle is a program for a small machine
with a stack, and Python's own machine calls whatever the program names. Ours knows the
instructions that weights need and calls nothing: a tensor becomes a description, and
its numbers are looked up after all sizes have been compared.
"""

import io
import math
import pickletools
from typing import NamedTuple

import numpy as np

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
DTYPES = {"torch FloatStorage": np.dtype("<f4"), "torch LongStorage": np.dtype("<i8")}
DICT, TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"
NAMES = {*DTYPES, DICT, TENSOR}
MARK = object()  # lies below the operands of an instruction that takes many
VALUES = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
LITERALS = {"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE"}
NUM_OPERANDS = {"TUPLE1": 1, "TUPLE2": 2, "SETITEM": 2}
MAX_DIMENSIONS = 8


class Name(NamedTuple):
    """A class or function that a pickle names; nothing is imported for it."""

    name: str


class Storage(NamedTuple):
    """A run of numbers of one kind, somewhere after the pickles."""

    dtype: np.dtype
    key: str
    length: int


class Tensor(NamedTuple):
    """A view of a storage; its offset and strides count numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(content):
    """Reads the tensors of a file that PyTorch wrote in its format before 1.6.

    Compare the file's checksum first, as `cnnlab.data.fetch.read` does: what is
    refused here is what could do harm, and altered numbers do not show.

    Args:
        content: The whole file, bytes.

    Returns:
        A dict from names to arrays, float32 or int64, in the order of the file. They
        are views of `content`, strides and all, and cannot be written to.

    Raises:
        ValueError: If `content` is no such file, is cut short or too long, asks for
            anything but tensors, or has a tensor that reaches beyond its storage.
    """
    file = io.BytesIO(content)
    if _run(file) != MAGIC or _run(file) != VERSION:
        raise ValueError(
            "The file must begin with PyTorch's magic number and version "
            f"{VERSION} of its format."
        )
    machine, tensors, keys = _run(file), _run(file), _run(file)
    _require(isinstance(machine, dict), "facts about a machine", machine)
    _require(machine.get("little_endian") is True, "little-endian numbers", machine)
    _require(isinstance(tensors, dict), "a dict of tensors", tensors)
    for tensor in tensors.values():
        _require(isinstance(tensor, Tensor), "tensors alone", tensor)
    starts = _locate(content, file.tell(), _storages(tensors), keys)
    return {name: _view(content, starts, each) for name, each in tensors.items()}


def _require(holds, wanted, received):
    """Says what kind of thing came, never the thing: it may be endless to print."""
    if not holds:
        raise ValueError(
            f"The file must hold {wanted}. Received: {type(received).__name__}"
        )


# The machine that runs a pickle


def _run(file):
    """Returns the result of one pickle, and leaves `file` where it ends."""
    stack, memo = [], {}
    for opcode, argument, _ in pickletools.genops(file):
        try:
            _step(opcode.name, argument, stack, memo)
        except LookupError as error:
            raise ValueError(
                "A pickle must not take from its stack or memo what is not there. "
                f"Received: {opcode.name}"
            ) from error
    if len(stack) != 1:
        raise ValueError(f"A pickle must leave one result. Received: {len(stack)}")
    return stack[0]


def _step(opcode, argument, stack, memo):
    match opcode:
        case "PROTO" | "STOP":
            pass
        case "MARK":
            stack.append(MARK)
        case "EMPTY_DICT":
            stack.append({})
        case "EMPTY_LIST":
            stack.append([])
        case "GLOBAL":
            stack.append(_name(argument))
        case "BINPUT" | "LONG_BINPUT":
            memo[argument] = stack[-1]
        case "BINGET" | "LONG_BINGET":
            stack.append(memo[argument])
        case "TUPLE" | "TUPLE1" | "TUPLE2":
            stack.append(tuple(_take(stack, opcode)))
        case "APPENDS":
            items = _take(stack, opcode)
            _require(isinstance(stack[-1], list), "items of a list", stack[-1])
            stack[-1].extend(items)
        case "SETITEM" | "SETITEMS":
            _set_items(_take(stack, opcode), stack[-1])
        case "BINPERSID":
            stack.append(_storage(stack.pop()))
        case "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            stack.append(_rebuild(function, arguments))
        case "BUILD":  # attributes of the dict of tensors: none is wanted
            stack.pop()
        case _ if opcode in VALUES:
            stack.append(VALUES[opcode])
        case _ if opcode in LITERALS:
            stack.append(argument)
        case _:
            raise ValueError(
                f"A pickle of weights does not need {opcode}: it was not carried out."
            )


def _take(stack, opcode):
    """Takes the operands of an instruction from the stack, and the mark below them."""
    count = NUM_OPERANDS.get(opcode)
    items = []
    while count is None or len(items) < count:
        item = stack.pop()
        if count is None and item is MARK:
            break
        items.append(item)
    return items[::-1]


def _set_items(items, target):
    _require(isinstance(target, dict), "items of a dict", target)
    _require(len(items) % 2 == 0, "a value for each key", items)
    for key, value in zip(items[::2], items[1::2]):
        _require(isinstance(key, str), "names as keys", key)  # others may hash forever
        target[key] = value


def _name(named):
    if named not in NAMES:
        raise ValueError(
            f"A file of weights does not need {named[:80]!r}: it was not called. "
            f"Known: {', '.join(sorted(NAMES))}"
        )
    return Name(named)


def _rebuild(function, arguments):
    """Does what the two known functions do, for arguments of the kinds they take."""
    if function == Name(DICT) and arguments == ():
        return {}
    _require(function == Name(TENSOR), "calls that rebuild a tensor", function)
    _require(isinstance(arguments, tuple), "a tensor's arguments", arguments)
    _require(len(arguments) >= 4, "a tensor's four arguments", arguments)
    storage, offset, shape, strides = arguments[:4]
    _require(isinstance(storage, Storage), "the storage of a tensor", storage)
    for numbers in ((offset,), shape, strides):
        _require(_are_sizes(numbers), "offset, shape and strides", numbers)
    return Tensor(storage, offset, shape, strides)


def _storage(persistent_id):
    """Returns what `("storage", kind, key, device, length, None)` describes."""
    _require(isinstance(persistent_id, tuple), "storages by a tuple", persistent_id)
    _require(len(persistent_id) == 6, "storages by six facts", persistent_id)
    word, kind, key, _, length, parent = persistent_id
    _require(word == "storage", "storages alone", word)
    _require(parent is None, "whole storages, no parts", parent)
    _require(isinstance(kind, Name) and kind.name in DTYPES, "a known storage", kind)
    _require(isinstance(key, str), "storages with names as keys", key)
    _require(_are_sizes((length,)), "the length of a storage", length)
    return Storage(DTYPES[kind.name], key, length)


def _are_sizes(numbers):
    return (
        isinstance(numbers, tuple)
        and len(numbers) <= MAX_DIMENSIONS
        and all(type(number) is int and 0 <= number < 2**63 for number in numbers)
    )


# The numbers


def _storages(tensors):
    """Returns the storage of each key; several tensors may share one."""
    storages = {}
    for name, tensor in tensors.items():
        storage = storages.setdefault(tensor.storage.key, tensor.storage)
        if storage != tensor.storage:
            raise ValueError(
                f"A storage must have one kind and length. {name} wants another."
            )
    return storages


def _locate(content, position, storages, keys):
    """Returns where the numbers of each storage begin, in bytes."""
    _require(isinstance(keys, list), "a list of keys", keys)
    _require(all(isinstance(key, str) for key in keys), "names as keys", keys)
    if sorted(keys) != sorted(storages):
        raise ValueError("The file must list the storages that its tensors use.")
    starts = {}
    for key in keys:
        length = int.from_bytes(content[position : position + 8], "little")
        starts[key] = position + 8
        position = starts[key] + length * storages[key].dtype.itemsize
        if length != storages[key].length or position > len(content):
            raise ValueError(
                f"The file is damaged or cut short at the storage {key[:80]!r}: it "
                f"must have {storages[key].length:,} numbers. Received: {length:,}, "
                f"and {max(0, len(content) - starts[key]):,} bytes from there"
            )
    if position != len(content):
        raise ValueError(
            "The file must end after its last storage. "
            f"Received: {len(content) - position:,} bytes more"
        )
    return starts


def _view(content, starts, tensor):
    """Cuts a tensor out of the file; strides matter, since some lie transposed."""
    storage, offset, shape, strides = tensor
    reach = offset + sum((size - 1) * step for size, step in zip(shape, strides))
    if (
        len(shape) != len(strides)
        or math.prod(shape) > storage.length
        or (reach if all(shape) else offset - 1) >= storage.length
    ):
        raise ValueError(
            f"A tensor must lie within its storage of {storage.length:,} numbers. "
            f"Received: offset {offset}, shape {shape}, strides {strides}"
        )
    size = storage.dtype.itemsize
    start = starts[storage.key] + offset * size
    steps = tuple(step * size for step in strides)
    return np.ndarray(shape, storage.dtype, content, start, steps)
