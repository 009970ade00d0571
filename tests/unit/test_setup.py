"""The lists of requirements agree, .ci/setup picks a Python, `make lab` is quiet."""

import importlib.metadata
import json
import logging
import os
import re
import runpy
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from traitlets.config import Config

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = ["requirements.txt", *(f"requirements-{extra}.txt" for extra in EXTRAS)]


def pins(lock):
    """Versions by name in a lock; several where they depend on the interpreter."""
    versions = {}
    for line in re.findall(r"^[\w.-]+==[^\\\n]+", (ROOT / lock).read_text(), re.M):
        name, version = line.split(";")[0].strip().split("==")
        versions.setdefault(name, []).append(version)
    return versions


@pytest.mark.parametrize("extra", [None, *EXTRAS])
def test_every_direct_requirement_is_locked_within_its_bounds(extra):
    versions = pins(f"requirements-{extra}.txt" if extra else "requirements.txt")
    for requirement in [*DIRECT, *map(Requirement, EXTRAS.get(extra, ()))]:
        locked = versions[requirement.name]
        assert all(version in requirement.specifier for version in locked), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_address(lock):
    text = (ROOT / lock).read_text()
    blocks = re.split(r"^(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.M), flags=re.M)
    assert all("--hash=sha256:" in block for block in blocks if block)
    assert "://" not in text


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_a_longer_lock_holds_the_versions_of_the_short_one(lock):
    short, longer = pins("requirements.txt"), pins(lock)
    assert {name: longer.get(name) for name in short} == short


def test_gpu_lock_brings_cuda():
    assert any(name.startswith("nvidia-") for name in pins("requirements-gpu.txt"))


def test_no_locked_library_forbids_this_python():
    """Unlike pip, uv locks and installs what names an upper bound below ours."""
    ours = ".".join(map(str, sys.version_info[:3]))
    forbidding = [
        library.name
        for library in importlib.metadata.distributions()
        if ours not in SpecifierSet(library.metadata.get("Requires-Python", ""))
    ]
    assert forbidding == []


def test_conda_takes_the_same_python_and_the_same_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *programs, pip = environment["dependencies"]
    (python,) = [line for line in programs if line.startswith("python ")]
    bounds = SpecifierSet(python.removeprefix("python "))
    assert bounds == SpecifierSet(PROJECT["requires-python"])
    assert pip == {"pip": ["-r requirements.txt"]}


FAKE = """#!/bin/sh
# A Python of version {version} that writes down what it is asked to do.
case "$1" in
--version) echo "Python {version}" ;;
-c) {answer} ;;
-m) echo "{name} $*" >>log
    case "$2" in
    venv) mkdir -p .venv/bin && cp {place} .venv/bin/python ;;
    pip) {pip} ;;
    esac ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """A folder with made-up programs, where .ci/setup sees nothing else."""
    return Machine(tmp_path)


class Machine:
    def __init__(self, folder):
        self.folder = folder
        self.programs = folder / "bin"
        self.programs.mkdir()
        for tool in ("mkdir", "cp", "touch", "rm", "sh"):
            real = subprocess.check_output(
                ["sh", "-c", f"command -v {tool}"], text=True
            )
            (self.programs / tool).symlink_to(real.strip())

    def add(self, name, version, works=True, pip="exit 0"):
        """Adds a Python; one that does not work fails at whatever it is asked."""
        place = self.programs / name
        supported = (3, 11) <= tuple(map(int, version.split("."))) <= (3, 13)
        answer = "exit 0" if works and supported else "exit 1"
        place.write_text(
            FAKE.format(version=version, answer=answer, name=name, place=place, pip=pip)
        )
        place.chmod(place.stat().st_mode | stat.S_IXUSR)

    def set_up(self):
        command = [ROOT / ".ci" / "setup", "LOCK"]
        environment = {"PATH": str(self.programs)}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True
        )

    def log(self):
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []


INSTALLS = [
    "-m pip install --require-hashes -r LOCK",
    "-m pip install --no-deps --no-build-isolation --editable .",
]
UV_INSTALL = (
    "uv pip install --python .venv/bin/python --compile-bytecode"  # as pip does
)


def test_newer_python3_gives_way_to_a_supported_one(machine):
    machine.add("python3", "3.14")
    machine.add("python3.12", "3.12")
    assert machine.set_up().returncode == 0
    assert machine.log() == [
        "python3.12 -m venv --clear .venv",
        *(f"python3.12 {line}" for line in INSTALLS),
    ]


def test_name_on_the_path_that_does_not_work_is_passed_over(machine):
    machine.add("python3.12", "3.12", works=False)
    machine.add("python3", "3.11")
    assert "Creating .venv with Python 3.11" in machine.set_up().stdout
    assert machine.log()[0] == "python3 -m venv --clear .venv"


@pytest.mark.parametrize("versions", [{}, {"python3": "3.14", "python3.10": "3.10"}])
def test_no_suitable_python_is_one_sentence(machine, versions):
    for name, version in versions.items():
        machine.add(name, version)
    result = machine.set_up()
    assert result.returncode == 1
    assert result.stderr == (
        "cnnlab needs Python 3.11, 3.12 or 3.13 with its venv module on PATH: "
        "install one and try again.\n"
    )
    assert machine.log() == []


def test_second_set_up_keeps_the_environment(machine):
    machine.add("python3", "3.13")
    machine.set_up()
    machine.set_up()
    assert [line for line in machine.log() if "venv" in line] == [
        "python3 -m venv --clear .venv"
    ]


@pytest.mark.parametrize(
    ("accident", "num_environments"), [("exit 1", 1), ("kill -9 $PPID", 2)]
)
def test_interrupted_set_up_starts_anew_and_a_failed_one_goes_on(
    machine, accident, num_environments
):
    machine.add("python3", "3.13", pip=accident)
    assert machine.set_up().returncode != 0
    machine.add("python3", "3.13")
    (machine.folder / ".venv" / "bin" / "python").write_text(
        (machine.programs / "python3").read_text()
    )
    assert machine.set_up().returncode == 0
    created = [line for line in machine.log() if "venv" in line]
    assert created == ["python3 -m venv --clear .venv"] * num_environments
    assert not (machine.folder / ".venv" / "unfinished").exists()


def test_uv_installs_where_it_is_present(machine):
    machine.add("python3", "3.13")
    uv = machine.programs / "uv"
    uv.write_text('#!/bin/sh\n[ "$1" = --version ] || echo "uv $*" >>log\n')
    uv.chmod(0o755)
    assert machine.set_up().returncode == 0
    assert machine.log() == [
        "python3 -m venv --without-pip --clear .venv",
        *(line.replace("-m pip install", UV_INSTALL) for line in INSTALLS),
    ]


def test_the_silence_of_compiling_is_announced_before_the_installer_starts(machine):
    machine.add("python3", "3.13", pip="echo from the installer")
    lines = machine.set_up().stdout.splitlines()
    (announced,) = [n for n, line in enumerate(lines) if "half a minute" in line]
    assert announced < lines.index("from the installer")


@pytest.fixture
def settings():
    """What lab/jupyter_server_config.py sets, as Jupyter would read it."""
    settings = Config()
    place = ROOT / "lab" / "jupyter_server_config.py"
    runpy.run_path(str(place), init_globals={"get_config": lambda: settings})
    return settings


ADDRESS = "http://127.0.0.1:8888/lab/tree/notebooks/00_start_here.ipynb?token=1"


@pytest.mark.parametrize(
    ("level", "text", "stays"),
    [
        ("INFO", "Jupyter Server 2.21.1 is running at:", True),
        ("INFO", f"    {ADDRESS}", True),
        ("INFO", "Use Control-C to stop this server", True),
        ("ERROR", "no space left on device", True),
        ("CRITICAL", f"\n\n  To access the server, open this:\n  {ADDRESS}", False),
        ("WARNING", "Notebook notebooks/00_start_here.ipynb is not trusted", False),
        ("INFO", "Skipped non-installed server(s): pyright", False),
    ],
)
def test_lab_writes_its_address_once_and_errors(settings, level, text, stays):
    config = settings.Application.logging_config
    (name,) = config["handlers"]["console"]["filters"]
    record = logging.makeLogRecord({"levelno": getattr(logging, level), "msg": text})
    assert config["filters"][name]["()"]().filter(record) == stays


def test_lab_shows_learners_no_menu_of_nbgrader(settings):
    page = json.loads((ROOT / "lab" / "page_config.json").read_text())
    assert page["disabledExtensions"]["@jupyter/nbgrader"] is True
    extensions = settings.ServerApp.jpserver_extensions
    assert len(extensions) == 4
    assert not any(extensions.values())


def test_lab_reads_its_settings():
    (start,) = [line for line in commands("lab") if "jupyter lab" in line]
    assert f'JUPYTER_CONFIG_PATH="{ROOT}/lab"' in start


def commands(*arguments):
    """What make would run on a fresh clone."""
    call = ["make", "--dry-run", "--always-make", "--no-print-directory", *arguments]
    environment = {"PATH": os.environ["PATH"]}  # not that of a make around this test
    return subprocess.check_output(call, cwd=ROOT, env=environment, text=True).split(
        "\n"
    )


@pytest.mark.parametrize("target", ["lab", "test", "lesson", "check", "claims"])
def test_every_command_sets_up_first(target):
    assert commands(target, "N=02")[0] == ".ci/setup requirements.txt"


def test_gpu_changes_the_lock():
    assert commands("lab", "GPU=1")[0] == ".ci/setup requirements-gpu.txt"
