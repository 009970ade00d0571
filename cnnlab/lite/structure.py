"""What stands in a flatbuffer: operations, the layers they come from, and the tensors.

Source: TFLite's schema,
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from typing import NamedTuple

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from cnnlab.lite.names import layer_of

KINDS = {number: name for name, number in vars(schema.BuiltinOperator).items()}
TYPES = {number: name for name, number in vars(schema.TensorType).items()}
BETWEEN_TYPES = ("QUANTIZE", "DEQUANTIZE", "CAST")


class Operation(NamedTuple):
    """One operation of a converted model.

    Attributes:
        node: Its position in the order of execution.
        kind: TFLite's name of it, such as `"CONV_2D"`.
        layer: The Keras layer that it comes from, or `kind` where the name is lost.
        inputs: Numbers of the tensors that depend on the images.
        outputs: Numbers of the tensors that it makes.
        type: Type of the first of them: `"FLOAT32"`, `"INT8"`, ...
    """

    node: int
    kind: str
    layer: str
    inputs: tuple
    outputs: tuple
    type: str


def read(flatbuffer):
    """Returns a model as the schema's object, whose parts can be changed."""
    return schema.ModelT.InitFromPackedBuf(bytes(flatbuffer), 0)


def write(model):
    """Returns the flatbuffer of a schema object, bytes."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def operations(model):
    """Lists the operations that depend on the images, in order of execution.

    Args:
        model: What `read` returns.

    Returns:
        A list of `Operation`s. What only unpacks constants is left out.
    """
    graph = model.subgraphs[0]
    moving, found = set(graph.inputs), []
    for position, node in enumerate(graph.operators):
        inputs = tuple(int(number) for number in node.inputs if number in moving)
        if inputs:
            moving.update(node.outputs)
            found.append(_operation(model, position, inputs))
    return found


def _operation(model, position, inputs):
    graph = model.subgraphs[0]
    node = graph.operators[position]
    code = model.operatorCodes[node.opcodeIndex]
    kind = KINDS[max(code.builtinCode, code.deprecatedBuiltinCode)]
    outputs = tuple(int(number) for number in node.outputs)
    kernel = [n for n in node.inputs[1:2] if n >= 0 and n not in inputs]
    names = [graph.tensors[number].name.decode() for number in (outputs[0], *kernel)]
    layer = next(filter(None, map(layer_of, names)), kind)
    type_ = TYPES[graph.tensors[outputs[0]].type]
    return Operation(position, kind, layer, inputs, outputs, type_)
