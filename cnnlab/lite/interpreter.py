"""Images through a TFLite flatbuffer, on this processor.

Taught in notebooks/15_tflite_quantization.ipynb.
Source: LiteRT's interpreter, https://ai.google.dev/edge/litert/inference

TensorFlow is not needed, nor imported. Integer models are fed and read in real numbers,
so that one call serves all variants.
"""

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from cnnlab.lite.arithmetic import dequantize, quantize
from cnnlab.lite.quiet import quiet


def predict(flatbuffer, images, batch_size=100, num_threads=1):
    """Returns the scores that a converted model gives to images.

    Args:
        flatbuffer: A TFLite model with one input and one output, bytes.
        images: Floats of shape `(N, H, W, C)`, scaled as the Keras model's images are.
        batch_size: Images in one step.
        num_threads: Threads of the interpreter.

    Returns:
        A float32 array of shape `(N, num_classes)`.

    Raises:
        ValueError: If the flatbuffer is none, or the images do not fit it.
    """
    interpreter = open_interpreter(flatbuffer, num_threads=num_threads)
    images = np.asarray(images)
    check_images(images, interpreter)
    starts = range(0, max(len(images), 1), batch_size)
    batches = [images[start : start + batch_size] for start in starts]
    return np.concatenate([run(interpreter, batch) for batch in batches])


def open_interpreter(flatbuffer, **options):
    """Opens a model without a line on standard error.

    Args:
        flatbuffer: A TFLite model, bytes.
        options: Those of `ai_edge_litert.interpreter.Interpreter`.

    Returns:
        An interpreter with its tensors allocated.

    Raises:
        ValueError: If the flatbuffer is none.
    """
    if bytes(flatbuffer[4:8]) != b"TFL3":
        raise ValueError(
            "A TFLite flatbuffer has the letters TFL3 at its fifth byte. "
            f"Received: {bytes(flatbuffer[:8])!r}"
        )
    with quiet():
        interpreter = Interpreter(model_content=bytes(flatbuffer), **options)
        interpreter.allocate_tensors()
    return interpreter


def run(interpreter, images):
    """Runs one batch; the interpreter is resized to it where it must be.

    Args:
        interpreter: An open interpreter.
        images: Floats of shape `(B, H, W, C)`.

    Returns:
        The scores, float32, shape `(B, num_classes)`.
    """
    (entrance,) = interpreter.get_input_details()
    if tuple(entrance["shape"]) != images.shape:
        with quiet():
            interpreter.resize_tensor_input(entrance["index"], images.shape)
            interpreter.allocate_tensors()
    interpreter.set_tensor(entrance["index"], to_tensor(images, entrance))
    interpreter.invoke()
    (exit_,) = interpreter.get_output_details()
    return to_floats(interpreter.get_tensor(exit_["index"]), exit_)


def to_tensor(values, details):
    """Turns real numbers into what a tensor of the model holds."""
    if not np.issubdtype(details["dtype"], np.integer):
        return values.astype(details["dtype"])
    return quantize(values, *details["quantization"], details["dtype"])


def to_floats(values, details):
    """Turns what a tensor of the model holds into real numbers, float32."""
    if not np.issubdtype(details["dtype"], np.integer):
        return values.astype(np.float32)
    return dequantize(values, *details["quantization"])


def fits(images, shape):
    """Tells whether an array holds images of a shape in which -1 or None is any size.

    Args:
        images: Array.
        shape: That of one image.
    """
    return images.ndim == len(shape) + 1 and all(
        expected in (-1, None, size) for size, expected in zip(images.shape[1:], shape)
    )


def check_images(images, interpreter):
    """Raises a ValueError unless an array holds images that a model can be given.

    Args:
        images: Array.
        interpreter: That of the model, open.
    """
    (entrance,) = interpreter.get_input_details()
    shape = entrance["shape_signature"][1:]
    if not (fits(images, shape) and len(images)):
        wanted = ", ".join("any" if size == -1 else str(size) for size in shape)
        raise ValueError(
            f"The model takes one or more images of shape (N, {wanted}). "
            f"Received: {images.shape}"
        )
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            "Images are floats, scaled as the Keras model's; integer models are "
            f"quantised for within. Received: {images.dtype}"
        )
