"""Executes a lesson in a clean kernel and stores its outputs in the notebook itself.

usage: python tests/notebooks/execute.py NUMBER ...

Cell ids, source and tags stay; what differs from machine to machine is left out. The
kernel believes that pytest runs it, as it does under nbval: then it leaves what native
code writes to its file descriptors out of the outputs, and what is stored is what nbval
will see.
"""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbval.plugin import coalesce_streams

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
AS_UNDER_NBVAL = {"PYTEST_CURRENT_TEST": "execute"}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def execute(notebook, folder):
    """Runs all cells of a notebook in `folder`; the outputs are stored in place."""
    os.environ.update(AS_UNDER_NBVAL)
    NotebookClient(
        notebook,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(folder)}},
        timeout=None,
        record_timing=False,
        store_widget_state=False,
        on_cell_start=_show_progress(len(notebook.cells)),
    ).execute()
    normalise(notebook)


def normalise(notebook):
    """Leaves in a notebook only what two runs on two machines agree on."""
    kept = {key: notebook.metadata[key] for key in notebook.metadata if key == "cnnlab"}
    notebook.metadata = nbformat.from_dict(
        {**kept, "kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = coalesce_streams(cell.outputs)


def _show_progress(num_cells):
    def show(cell, cell_index):
        print(f"\r  cell {cell_index + 1} of {num_cells}", end="", flush=True)

    return show


def main(numbers):
    for number in numbers:
        lessons = list(NOTEBOOKS.glob(f"{number}_*.ipynb"))
        if not lessons:
            sys.exit(f"There is no lesson {number}.")
        for path in lessons:
            print(path.name)
            notebook = nbformat.read(path, as_version=4)
            execute(notebook, NOTEBOOKS)
            nbformat.write(notebook, path)
            print()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit("Say which lesson: make execute N=02")
    main(sys.argv[1:])
