"""Prints what pip is configured to use, as shell commands that tell uv the same.

uv reads no pip.conf and no PIP_ variable. A variable of uv that is set already stays
as it is. Indexes are equal to pip, and hashes are required: so they may be for uv.
"""

import ast
import os
import shlex
import subprocess
import sys

# pip's name, without its section: uv's variable, and what stands between two values.
NAMES = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_EXTRA_INDEX_URL", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "no-index": ("UV_OFFLINE", " "),
    "default-timeout": ("UV_HTTP_TIMEOUT", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "proxy": ("ALL_PROXY", " "),
}
SECTIONS = ["global", "install", ":env:"]  # a later one wins


def read(listing):
    """Returns the settings by name, as `pip config list` prints them."""
    settings = {}
    for line in listing.splitlines():
        key, separator, value = line.partition("=")
        section, _, name = key.partition(".")
        if separator and section in SECTIONS and name in NAMES:
            rank = SECTIONS.index(section)
            settings[name] = max(
                settings.get(name, (-1, "")), (rank, ast.literal_eval(value))
            )
    return {name: value for name, (_, value) in settings.items()}


def for_uv(settings, environment):
    """Returns the variables to set for uv."""
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for name, value in settings.items():
        variable, separator = NAMES[name]
        variables[variable] = separator.join(value.split())
    return {key: value for key, value in variables.items() if key not in environment}


if __name__ == "__main__":
    command = [sys.executable, "-m", "pip", "config", "list"]
    listing = subprocess.run(command, capture_output=True, text=True).stdout
    for key, value in for_uv(read(listing), os.environ).items():
        print(f"export {key}={shlex.quote(value)}")
