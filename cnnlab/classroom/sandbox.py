"""A program inside bubblewrap: nothing of the host to see, change or exhaust.

Every namespace is unshared, the system is read-only, one folder is writable.
Source: https://github.com/containers/bubblewrap
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from cnnlab.classroom import folders, syscalls

PACKAGE = Path(__file__).resolve().parents[1]
NOBODY = 65534
PYTHON = (sys.base_prefix, sys.prefix, str(PACKAGE))
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64")
SYSTEM += ("/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache")
LIBRARIES = ("scipy", "sklearn", "skimage", "pandas", "keras", "keras_tuner", "jax")
LIBRARIES += ("tensorflow", "torch", "torchvision", "numba", "cv2", "onnxruntime")
COVERED = ("/usr/local/share", "/usr/local/etc")  # nbgrader's exchange and settings
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
REFUSED = (
    "bubblewrap does not work on this machine: {}\n"
    "It must be version 0.8 or newer and needs the right to create user namespaces; "
    "Ubuntu gives it by: sysctl kernel.apparmor_restrict_unprivileged_userns=0"
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
    open_files: int = 2000  # all processes together
    processes: int = 200  # threads included
    mappings: int = 40_000  # of memory, all processes together
    output_megabytes: int = 8
    grader_megabytes: int = 1000  # that reading the output may take


def find_problem():
    """Tries the sandbox and returns what is wrong with it, or None."""
    if shutil.which("bwrap") is None:
        return MISSING
    with folders.temporary() as folder, syscalls.opened() as filters:
        hand_over(folder)
        tried = subprocess.run(
            [*command(folder, Limits(), filters), "true"],
            env=environment(folder),
            pass_fds=filters,
            capture_output=True,
            text=True,
        )
    if tried.returncode == 0:
        return None
    return REFUSED.format(tried.stderr.strip())


def owner():
    """Returns the user as whom students' code runs: nobody, if root is at work."""
    return NOBODY if os.geteuid() == 0 else os.geteuid()


def hand_over(folder):
    """Makes nobody the owner of a folder, if root is at work."""
    if os.geteuid() == 0:
        for path in (folder, *Path(folder).rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def is_visible(path):
    """Says whether the sandbox would show a path of the host, as Python's own."""
    path = Path(path).resolve()
    if any(path.is_relative_to(Path(each).resolve()) for each in PYTHON):
        return True
    covered = any(path.is_relative_to(each) for each in COVERED)
    return not covered and any(path.is_relative_to(each) for each in _system())


def _system():
    return [Path(each).resolve() for each in SYSTEM]


def libraries():
    """Lists what is hidden where NumPy alone is allowed: libraries, and this package.

    The rooms of the package that teach are hidden; this one, which runs the notebook,
    is not.
    """
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    others = [Path(place) / each for place in places for each in LIBRARIES]
    needed = {PACKAGE / "__init__.py", PACKAGE / "classroom"}
    rooms = [*PACKAGE.glob("*.py"), *PACKAGE.glob("*/")]
    return [
        str(path) for path in (*others, *rooms) if path.exists() and path not in needed
    ]


def command(folder, limits, filters=(), group=None, hidden=()):
    """Builds the command line before which a program runs in the sandbox.

    Started as root, the command becomes nobody first: the kernel ignores the limit of
    processes for root. Python may lie where nobody may not go, in root's home above
    all, so it is shown at another place, in a mount namespace of its own. Each program
    replaces the one before, so that the sandbox is the grader's child and dies with it.

    Args:
        folder: The only writable folder; a short absolute path.
        limits: `Limits`.
        filters: Descriptors of `syscalls.opened`, handed down to the command.
        group: Folder of the control group to join, or None.
        hidden: Files and folders of Python that are not shown; see `libraries`.

    Returns:
        A list of strings.
    """
    shown = (*PYTHON, str(folder))
    places = list(shown)
    if os.geteuid() == 0:
        places = [f"/mnt/{number}" for number, _ in enumerate(shown)]
    visible = [*_visible(dict(zip(shown, places))), *_hiding(hidden)]
    arguments = ["bwrap", *visible, *ISOLATED]
    arguments += [part for each in filters for part in ("--seccomp", str(each))]
    arguments += ["--chdir", str(folder), "--", "prlimit", *_resources(limits), "--"]
    if os.geteuid() == 0:
        arguments = [*_as_nobody(shown), *arguments]
    return [*_joining(group), *arguments] if group else arguments


def _visible(places):
    """Says what the sandbox shows: where each of `places` lies at that moment."""
    *python, folder = places
    arguments = ["--tmpfs", "/tmp"]
    for path in SYSTEM:
        arguments += ["--ro-bind-try", path, path]
    hidden = [path for path in COVERED if Path(path).is_dir()]
    within = [path for path in python if any(path.startswith(h) for h in hidden)]
    show = {path: ["--ro-bind", places[path], path] for path in python}
    arguments += [part for path in show if path not in within for part in show[path]]
    for path in hidden:
        arguments += ["--size", "1048576", "--tmpfs", path]
    arguments += [part for path in within for part in show[path]]
    for path in hidden:
        arguments += ["--remount-ro", path]
    arguments += ["--bind", places[folder], folder]
    return [*arguments, "--dev", "/dev", "--proc", "/proc"]


def _hiding(paths):
    arguments = []
    for path in paths:
        if os.path.isdir(path):
            arguments += ["--size", "1048576", "--tmpfs", path, "--remount-ro", path]
        else:
            arguments += ["--ro-bind", "/dev/null", path]
    return arguments


def _as_nobody(shown):
    show = ["mount -t tmpfs -o mode=755 cnnlab /mnt"]
    for number, path in enumerate(shown):
        place = f"/mnt/{number}"
        show += [f"mkdir {place}", f"mount --bind {shlex.quote(path)} {place}"]
    show = "; ".join([*show, 'exec "$@"'])
    return ["unshare", "--mount", "sh", "-ec", show, "sh", *BECOME_NOBODY]


def _joining(group):
    join = f'echo $$ > {shlex.quote(str(group))}/cgroup.procs; exec "$@"'
    return ["sh", "-ec", join, "sh"]


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
