"""Columns that several experiments write."""

from cnnlab.evaluate.cost import multiply_accumulates


def history_columns(history):
    """Returns what a training tells of its epochs, as columns in six decimals."""
    return {
        f"history_{key}": [round(float(value), 6) for value in values]
        for key, values in history.items()
    }


def cost_columns(model):
    """Returns the number of parameters and of multiply-accumulates of an image."""
    return {
        "parameters": model.count_params(),
        "multiply_accumulates": multiply_accumulates(model),
    }
