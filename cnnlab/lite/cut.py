"""A converted model held against its original, tensor by tensor, and cut apart.

Taught in notebooks/15_tflite_quantization.ipynb.

Names do not tell which tensors belong together: the converter numbers them anew, and
the name of an output in one variant may be that of a kernel in another. The order of
the operations does.
"""

import copy
from difflib import SequenceMatcher
from typing import NamedTuple

from cnnlab.lite.structure import BETWEEN_TYPES, operations


class End(NamedTuple):
    """Where a layer's result leaves it: its name, its operations and the tensor."""

    layer: str
    operations: str
    tensor: int


def same_tensors(model, original):
    """Finds for the activations of a converted model those of the original.

    Args:
        model: A converted model, as `cnnlab.lite.structure.read` returns it.
        original: The same model converted as "float32".

    Returns:
        A dict from a tensor's number in `model` to that in `original`.

    Raises:
        ValueError: If the two have no layer in common.
    """
    ours, theirs = _computing(model), _computing(original)
    keys = [[(op.kind, op.layer) for op in ops] for ops in (ours, theirs)]
    same = dict(zip(model.subgraphs[0].inputs, original.subgraphs[0].inputs))
    blocks = SequenceMatcher(None, *keys, autojunk=False).get_matching_blocks()
    for start, other, length in blocks:
        for ourselves, themselves in zip(
            ours[start:][:length], theirs[other:][:length]
        ):
            same.update(zip(ourselves.outputs, themselves.outputs))
    if len(same) == 1:
        raise ValueError(
            "`reference` must be the same model, converted as float32. Received: "
            f"{keys[1][:3]} ... against {keys[0][:3]} ..."
        )
    for op in operations(model):
        if op.kind in BETWEEN_TYPES and op.inputs[0] in same:
            same[op.outputs[0]] = same[op.inputs[0]]
    return same


def _computing(model):
    return [op for op in operations(model) if op.kind not in BETWEEN_TYPES]


def ends_of_layers(model, same):
    """Lists the results of layers that can be held against the original.

    Args:
        model: A converted model.
        same: What `same_tensors` returns.

    Returns:
        A list of `End`s in order of execution.
    """
    ends, kinds = {}, {}
    for op in _computing(model):
        if op.type != "INT32" and op.outputs[0] in same:  # not a shape's computation
            kinds.setdefault(op.layer, []).append(op.kind)
            ends[op.layer] = op.outputs[0]  # the layer's last is its result
    return [End(name, ", ".join(kinds[name]), ends[name]) for name in ends]


def cut_apart(model, same):
    """Changes a model so that every layer takes its input from outside.

    Args:
        model: A converted model, which is changed.
        same: What `same_tensors` returns; only these tensors are cut.

    Returns:
        The numbers of the tensors that the new inputs stand for, in their order.
    """
    graph, makers, copies = model.subgraphs[0], {}, {}
    for op in operations(model):
        ends = {t for t in op.inputs if t in same and makers.get(t) != op.layer}
        for tensor in sorted(ends - set(copies)):
            copies[tensor] = len(graph.tensors)
            graph.tensors.append(copy.copy(graph.tensors[tensor]))
        node = graph.operators[op.node]
        node.inputs = [copies[t] if t in ends else t for t in node.inputs]
        makers.update(dict.fromkeys(op.outputs, op.layer))
    graph.inputs = list(copies.values())
    return list(copies)
