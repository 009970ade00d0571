"""A model file that knows its labels, its preprocessing and where it comes from.

Taught in notebooks/15_tflite_quantization.ipynb.
Source: associated files of TFLite metadata, https://ai.google.dev/edge/litert/models/metadata

The three are appended to the flatbuffer as a zip archive, the way in which TFLite's own
metadata tools append labels: interpreters read up to the flatbuffer's end and never see
it, `unzip -p MODEL.tflite labels.txt` prints it. A checksum goes with them, for a
damaged flatbuffer often runs and answers nonsense. The flatbuffer itself stays as it
was, so the official metadata buffer, without which Android's Task library does not look
for labels, is not written here.
"""

import hashlib
import io
import json
import zipfile
import zlib
from typing import NamedTuple

from cnnlab.lite.preprocessing import Preprocessing

LABELS = "labels.txt"
PREPROCESSING = "preprocessing.json"
PROVENANCE = "provenance.json"
CHECKSUM = "flatbuffer.sha256"
MAX_BYTES = 1_000_000  # of one member: a label for each of 20,000 classes is less


class PackageError(ValueError):
    """A file is no TFLite model, or what it says of itself is not usable."""


class Package(NamedTuple):
    """What a model file says of itself; None is what it does not say."""

    labels: tuple | None
    preprocessing: Preprocessing | None
    provenance: dict | None


def pack(flatbuffer, labels, preprocessing, provenance):
    """Adds labels, preprocessing and provenance to a model; replaces earlier ones.

    Args:
        flatbuffer: A TFLite model from images to logits, bytes.
        labels: Names of the classes, in the order of the output.
        preprocessing: `Preprocessing`.
        provenance: Dict of what can be said in JSON: data, recipe, licence.

    Returns:
        The content of a `.tflite` file that every interpreter runs, bytes.

    Raises:
        ValueError: If one of them is not usable.
    """
    _check_identifier(flatbuffer)
    labels = _checked_labels(labels)
    preprocessing.check()
    model, members = _split(flatbuffer)
    members[LABELS] = "".join(f"{label}\n" for label in labels)
    members[PREPROCESSING] = json.dumps(preprocessing._asdict(), indent=1) + "\n"
    members[PROVENANCE] = json.dumps(provenance, indent=1) + "\n"
    members[CHECKSUM] = hashlib.sha256(model).hexdigest() + "\n"
    file = io.BytesIO(model)
    with zipfile.ZipFile(file, "a") as archive:  # stored: TFLite's readers want it so
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # of a fixed date
    return file.getvalue()


def unpack(content):
    """Reads what `pack` has added, or labels that TFLite's own tools have added.

    Args:
        content: A `.tflite` file, bytes.

    Returns:
        A `Package`.

    Raises:
        PackageError: If it is no TFLite model, is not as it was packed, or a part of it
            is not usable.
    """
    _check_identifier(content)
    model, members = _split(content)
    _check_checksum(model, members.get(CHECKSUM))
    labels = members.get(LABELS)
    return Package(
        labels=None if labels is None else read_labels(labels),
        preprocessing=_read_preprocessing(members.get(PREPROCESSING)),
        provenance=_read_json(PROVENANCE, members.get(PROVENANCE)),
    )


def read_labels(content):
    """Reads a file of labels, one a line.

    Args:
        content: The bytes of a `labels.txt`.

    Returns:
        A tuple of names.

    Raises:
        PackageError: If it is not text, or a label is empty.
    """
    try:
        return _checked_labels(content.decode("utf-8-sig").rstrip().splitlines())
    except UnicodeDecodeError:
        raise PackageError("Labels are lines of UTF-8. Received: other bytes") from None


def _check_identifier(content):
    if bytes(content[4:8]) != b"TFL3":
        raise PackageError(
            "A TFLite model has the letters TFL3 at its fifth byte; "
            "`cnnlab.lite.convert` makes one from a Keras model. "
            f"Received: {bytes(content[:8])!r}"
        )


def _check_checksum(model, stated):
    if stated is None:
        return
    stated, received = stated.decode("ascii", "replace"), hashlib.sha256(model)
    if received.hexdigest() != stated.strip():
        raise PackageError(
            "The flatbuffer has the checksum that it was packed with, or is damaged "
            f"since, or changed and to be packed again: {stated.strip()}. "
            f"Received: {received.hexdigest()}"
        )


def _split(content):
    """Returns a model without its archive, and the members of that as a dict."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:  # a bare model
        return content, {}
    with archive:
        entries = archive.infolist()
        members = {entry.filename: _member(archive, entry) for entry in entries}
        end = min((entry.header_offset for entry in entries), default=archive.start_dir)
    return content[:end], members


def _member(archive, entry):
    if entry.file_size > MAX_BYTES:
        raise PackageError(
            f"A member of a model's archive has at most {MAX_BYTES:,} bytes. "
            f"Received: {entry.filename}, {entry.file_size:,} bytes"
        )
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, RuntimeError, EOFError, zlib.error) as error:
        raise PackageError(f"{entry.filename} cannot be read: {error}") from None


def _checked_labels(labels):
    labels = tuple(label.strip() for label in labels)
    if not labels:
        raise PackageError("There is a label for each class. Received: none")
    for k, label in enumerate(labels):  # two may be alike: ImageNet has two cranes
        if not (label and label.isprintable()):
            raise PackageError(
                f"A label is one printable line, not empty. Received: {label!r} "
                f"for class {k}"
            )
    return labels


def _read_preprocessing(content):
    fields = _read_json(PREPROCESSING, content)
    if fields is None:
        return None
    if set(fields) != set(Preprocessing._fields):
        raise PackageError(
            f"{PREPROCESSING} has the keys {', '.join(Preprocessing._fields)}. "
            f"Received: {', '.join(fields)}"
        )
    preprocessing = Preprocessing(**fields)
    try:
        preprocessing.check()
    except ValueError as error:
        raise PackageError(f"{PREPROCESSING}: {error}") from None
    return preprocessing


def _read_json(name, content):
    if content is None:
        return None
    try:
        fields = json.loads(content)
    except ValueError as error:
        raise PackageError(f"{name} holds JSON. Received: {error}") from None
    if not isinstance(fields, dict):
        raise PackageError(f"{name} holds an object. Received: {fields!r}")
    return fields
