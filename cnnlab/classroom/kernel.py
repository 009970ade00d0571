"""A Jupyter kernel in the sandbox, reached through sockets in its folder."""

import sys

import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from cnnlab.classroom import cgroup, sandbox, syscalls


class SandboxManager(AsyncKernelManager):
    """Starts a kernel in a sandbox around `folder`."""

    def __init__(self, folder, limits, sandboxed=True, hidden=()):
        super().__init__(
            context=zmq.asyncio.Context(),
            transport="ipc",
            ip=f"{folder}/socket",
            connection_file=f"{folder}/kernel.json",
            shutdown_wait_time=1,
        )
        self.context.setsockopt(zmq.MAXMSGSIZE, limits.output_megabytes * 10**6)
        self.context.setsockopt(zmq.RCVHWM, 100)
        self.folder, self.limits, self.sandboxed = folder, limits, sandboxed
        self.hidden = hidden  # paths that the sandbox does not show
        self.group = None  # the control group, where the machine has any

    @property
    def kernel_spec(self):
        """The kernel of this very Python, interrupted by message, not by signal."""
        module = "cnnlab.classroom.launch"
        argv = [sys.executable, "-P", "-m", module, "-f", "{connection_file}"]
        return KernelSpec(argv=argv, language="python", interrupt_mode="message")

    async def _async_launch_kernel(self, kernel_cmd, **options):
        """Launches the kernel, the sandbox in front of its command."""
        if not self.sandboxed:
            return await super()._async_launch_kernel(kernel_cmd, **options)
        sandbox.hand_over(self.folder)
        if cgroup.available():
            self.group = cgroup.Group(self.folder.parent.name, self.limits)
        group = self.group and self.group.path
        with syscalls.opened() as filters:
            before = sandbox.command(
                self.folder, self.limits, filters, group, self.hidden
            )
            await super()._async_launch_kernel(
                [*before, *kernel_cmd], pass_fds=filters, **options
            )
