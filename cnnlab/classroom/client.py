"""Jupyter's client on a kernel that nobody trusts: it bounds what comes back."""

import subprocess

from nbclient import NotebookClient

from cnnlab.classroom import sandbox
from cnnlab.classroom.bounds import too_many_parts
from cnnlab.classroom.guard import Guard

LEAST = 100  # bytes that a message counts, however little it says


class Client(NotebookClient):
    """Executes every cell, bounds what they write, and starts the guard."""

    def __init__(self, notebook, km, limits, folder):
        super().__init__(
            notebook,
            km=km,
            timeout=limits.cell_seconds,
            startup_timeout=limits.seconds,
            interrupt_on_timeout=True,
            allow_errors=True,
            error_on_timeout={
                "ename": "Timeout",
                "evalue": f"the cell took more than {limits.cell_seconds} seconds",
                "traceback": [],
            },
        )
        self.limits, self.folder = limits, folder
        self.slow = False  # whether a cell was interrupted
        self.guard, self.bytes_left = None, limits.output_megabytes * 10**6

    @property
    def reason(self):
        """Why the guard killed the sandbox, or None."""
        return self.guard and self.guard.reason

    async def run(self):
        """Executes the notebook."""
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        env = sandbox.environment(self.folder)
        async with self.async_setup_kernel(cwd=str(self.folder), env=env, **silent):
            for index, cell in enumerate(self.nb.cells):
                await self.async_execute_cell(cell, index)

    async def async_start_new_kernel(self, **kwargs):
        await super().async_start_new_kernel(**kwargs)
        pid = self.km.provisioner.process.pid
        self.guard = Guard(pid, self.folder, self.limits, self.km.group)
        self.guard.start()

    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        if self.guard.has_link():
            self.stop("ended")
        return client

    async def _async_handle_timeout(self, timeout, cell=None):
        self.slow = True
        return await super()._async_handle_timeout(timeout, cell)

    def stop(self, reason):
        """Kills whatever is left of the sandbox."""
        if self.guard:
            self.guard.kill(reason)

    def close(self):
        """Kills whatever is left and ends the guard."""
        self.stop("end")
        if self.guard:
            self.guard.join()
            self.guard.tree.close()

    def process_message(self, msg, cell, cell_index):
        self.bytes_left -= LEAST + len(str(msg["content"])) + len(str(msg["metadata"]))
        self.bytes_left -= sum(LEAST + len(each) for each in msg.get("buffers", []))
        if type(msg["content"].get("execution_count", 0)) is not int:
            msg["content"]["execution_count"] = None
        if self.bytes_left < 0 or too_many_parts(msg["content"]):
            self.stop("output")
            return None
        return super().process_message(msg, cell, cell_index)
