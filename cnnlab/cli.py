"""The command `cnnlab`: each subcommand imports what it needs, so that help is instant."""

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def main_options():
    """Convolutional networks, lesson by lesson."""


def main():
    """Runs the command line."""
    app()
