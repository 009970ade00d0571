"""A Jupyter kernel inside bubblewrap: nothing of the host to see, change or exhaust.

Every namespace is unshared, the system is read-only, one folder is writable; the
kernel's sockets are files in that folder. A guard outside watches the time, the memory
and the disk, and kills the whole namespace, which no process in it can prevent.
Source: https://github.com/containers/bubblewrap
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

PACKAGE = Path(__file__).resolve().parents[1]
NOBODY = 65534
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives", "/etc/fonts")
ISOLATED = shlex.split(
    "--unshare-all --unshare-user --disable-userns --uid 1000 --gid 1000"
    " --hostname sandbox --unsetenv JPY_PARENT_PID --die-with-parent --new-session"
    " --remount-ro /tmp --remount-ro /dev --remount-ro /"
)
BECOME_NOBODY = shlex.split(
    f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups --no-new-privs"
    " --inh-caps=-all --bounding-set=-all --pdeathsig KILL --"
)
MISSING = (
    "Grading needs bubblewrap, which keeps students' code away from this machine. "
    "Install it: apt-get install bubblewrap"
)


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    seconds: int = 240  # from start to end
    cell_seconds: int = 30
    processor_seconds: int = 120  # all processes together
    megabytes: int = 2500  # of memory, all processes together
    address_megabytes: int = 8000  # of one process, reserved memory included
    file_megabytes: int = 64
    folder_megabytes: int = 256
    folder_files: int = 2000
    processes: int = 200  # threads included
    output_megabytes: int = 8


def trouble():
    """Tries the sandbox and returns what is wrong with it, or None."""
    if shutil.which("bwrap") is None:
        return MISSING
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        hand_over(folder)
        tried = subprocess.run(
            [*command(folder, Limits()), "true"],
            env=environment(folder),
            capture_output=True,
            text=True,
        )
    if tried.returncode == 0:
        return None
    return f"bubblewrap does not work on this machine: {tried.stderr.strip()}"


def hand_over(folder):
    """Makes nobody the owner of a folder, if root is at work."""
    if os.geteuid() == 0:
        for path in (folder, *Path(folder).rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def command(folder, limits):
    """Builds the command line before which a program runs in the sandbox.

    Started as root, a first bubblewrap arranges what is visible, `setpriv` becomes
    nobody, and a second bubblewrap unshares everything: the kernel ignores the limit
    of processes for root.

    Args:
        folder: The only writable folder; a short absolute path.
        limits: `Limits`.

    Returns:
        A list of strings.
    """
    inner = ["bwrap", *_visible(folder), "--proc", "/proc", *ISOLATED]
    inner += ["--chdir", str(folder), "--", "prlimit", *_resources(limits), "--"]
    if os.geteuid() != 0:
        return inner
    outer = ["bwrap", *_visible(folder), "--bind", "/proc", "/proc"]
    return [*outer, "--die-with-parent", "--", *BECOME_NOBODY, *inner]


def _visible(folder):
    python = (sys.base_prefix, sys.prefix, str(PACKAGE))
    arguments = ["--tmpfs", "/tmp"]
    for path in (*SYSTEM, "/etc/ld.so.cache", *python):
        for parent in list(Path(path).parents)[-2::-1]:
            arguments += ["--dir", str(parent)]
        arguments += ["--ro-bind-try", path, path]
    return [*arguments, "--bind", str(folder), str(folder), "--dev", "/dev"]


def _resources(limits):
    return [
        f"--nproc={limits.processes}",
        f"--as={limits.address_megabytes * 10**6}",
        f"--fsize={limits.file_megabytes * 10**6}",
        f"--cpu={limits.processor_seconds}",
        "--core=0",
        "--nofile=512",
    ]


def environment(folder):
    """Returns the whole environment of a sandbox; nothing of the grader's own."""
    return {
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(PACKAGE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CNNLAB_OFFLINE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


class SandboxManager(AsyncKernelManager):
    """Starts a kernel in a sandbox around `folder`."""

    def __init__(self, folder, limits, sandboxed=True):
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

    @property
    def kernel_spec(self):
        """The kernel of this very Python, interrupted by message, not by signal."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, language="python", interrupt_mode="message")

    def format_kernel_cmd(self, extra_arguments=None):
        """Returns the kernel's command, the sandbox in front of it."""
        kernel = super().format_kernel_cmd(extra_arguments)
        if not self.sandboxed:
            return kernel
        hand_over(self.folder)
        return [*command(self.folder, self.limits), *kernel]


class Guard(threading.Thread):
    """Watches a sandbox from outside and kills it when a limit is passed."""

    def __init__(self, process, folder, limits):
        """Takes the `pid` of the sandbox, its folder and its limits."""
        super().__init__(daemon=True)
        self.process, self.folder, self.limits = process, folder, limits
        self.reason = None  # why it was killed
        self.finished = threading.Event()
        self.end = time.monotonic() + limits.seconds

    def run(self):
        """Looks four times a second until `finished` is set or a limit is passed."""
        while not self.finished.wait(0.25):
            try:
                reason = self.passed()
            except OSError:  # a folder that cannot be read hides something
                reason = "disk"
            if reason:
                self.kill(reason)

    def kill(self, reason):
        """Kills every process of the sandbox and keeps the first reason."""
        self.reason = self.reason or reason
        self.finished.set()
        kill_tree(self.process)

    def passed(self):
        """Returns the name of a limit that is passed, or None."""
        used, allowed = usage(self.process), self.limits
        if time.monotonic() > self.end:
            return "time"
        if used["processor_seconds"] > allowed.processor_seconds:
            return "time"
        if used["megabytes"] > allowed.megabytes:
            return "memory"
        return "disk" if _overfull(self.folder, allowed) else None


def usage(process):
    """Sums up what a process and all below it use: memory, processor time."""
    megabytes = seconds = 0.0
    for each in _tree(process):
        try:
            megabytes += each.memory_info().rss / 1e6
            seconds += sum(each.cpu_times()[:4])  # of ended children too
        except psutil.Error:
            continue
    return {"megabytes": megabytes, "processor_seconds": seconds}


def kill_tree(process):
    """Sends SIGKILL to a process and all below it, the namespace's first among them."""
    for each in _tree(process):
        try:
            os.kill(each.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _tree(process):
    try:
        root = psutil.Process(process)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _overfull(folder, limits):
    size = 0
    for number, entry in enumerate(_entries(folder)):
        with suppress(FileNotFoundError):
            size += entry.stat(follow_symlinks=False).st_blocks * 512
        if number > limits.folder_files or size > limits.folder_megabytes * 10**6:
            return True
    return False


def _entries(folder):
    """Yields what lies in a folder, at any depth, following no link."""
    pending = [folder]
    while pending:
        with suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                yield entry
