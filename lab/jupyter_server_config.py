"""What `make lab` starts without, and what it writes on the terminal.

Jupyter reads this file because the Makefile names its folder in JUPYTER_CONFIG_PATH.
Whoever wants the whole log, or nbgrader's menus, starts `jupyter lab` instead.
"""

import logging

import zmq

ADDRESS = "is running at", "/lab/tree/", "Control-C"  # parts of the lines that stay
INSTRUCTORS = "assignment_list", "course_list", "formgrader", "validate_assignment"


class Short(logging.Filter):
    """Lets pass where the server runs, once, and what goes wrong."""

    def filter(self, record):
        text = record.getMessage().strip()
        if record.levelno < logging.ERROR:
            return any(part in text for part in ADDRESS)
        return not text.startswith("To access the server")  # the address again


c = get_config()  # noqa: F821, Jupyter defines it
c.Application.logging_config = {
    "filters": {"short": {"()": Short}},
    "handlers": {"console": {"filters": ["short"]}},
}
if zmq.has("curve"):  # without encryption every kernel writes a warning
    c.KernelManager.transport_encryption = "auto"
c.ServerApp.jpserver_extensions = {
    f"nbgrader.server_extensions.{name}": False for name in INSTRUCTORS
}
