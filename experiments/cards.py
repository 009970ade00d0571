"""The page beside a committed file of weights that says what it is."""

import hashlib

from cnnlab.records import format_mean_std


def write_card(path, facts, made, *before):
    """Writes the card of a file.

    Args:
        path: The file; its checksum becomes the first row.
        facts: A dict from what is said to what there is to say of it.
        made: Command that made the file.
        before: Lines between the title and the table.
    """
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    facts = {"SHA-256": f"`{checksum}`", **facts}
    lines = [f"# {path.name}", "", *before, "| what | value |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in facts.items()]
    lines += ["", f"Made by `{made}`.", ""]
    path.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")


def write_accuracy(runs):
    """Writes the test accuracy of the committed weights, seed 0, and of all seeds."""
    accuracies = [100 * run["test_accuracy"] for run in runs]
    return (
        f"these weights (seed 0) {accuracies[0]:.1f}%; {len(runs)} seeds "
        f"{format_mean_std(accuracies).replace(' ±', '% ±')}%"
    )
