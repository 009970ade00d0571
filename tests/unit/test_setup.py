"""The lists of requirements agree, .ci/setup picks a Python, `make lab` is quiet."""

import importlib.metadata
import json
import logging
import os
import re
import runpy
import shutil
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
    versions = pins("requirements.txt")
    versions |= pins(f"requirements-{extra}.txt") if extra else {}
    for requirement in [*DIRECT, *map(Requirement, EXTRAS.get(extra, ()))]:
        locked = versions[requirement.name]
        assert all(version in requirement.specifier for version in locked), requirement


@pytest.mark.parametrize("lock", [*LOCKS, ".ci/uv.txt"])
def test_every_pin_has_hashes_and_no_address(lock):
    text = (ROOT / lock).read_text()
    blocks = re.split(r"^(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.M), flags=re.M)
    assert all("--hash=sha256:" in block for block in blocks if block)
    assert "://" not in text


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_lock_of_an_extra_holds_only_what_it_adds(lock):
    assert not set(pins(lock)) & set(pins("requirements.txt"))


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


PYTHON = """#!/bin/sh
# A Python of version {version} that writes down what it is asked to do.
case "$1$2" in
--version) echo "Python {version}" ;;
-c*) {answer} ;;
-mcompileall) ;;
-m*) echo "{name} $*" >>log
    case "$2" in
    venv) mkdir -p .venv/bin && rm -f .venv/bin/uv && cp "{program}" .venv/bin/python ;;
    pip) {pip} ;;
    esac ;;
esac
"""
UV = """#!/bin/sh
[ "$1" = --version ] && exit
echo "uv $*" >>log
{action}
"""
TOOLS = ["cp", "dirname", "mkdir", "nice", "nohup", "rm", "sed", "sh", "touch"]
BRING_UV = "cp later/uv .venv/bin/uv"


@pytest.fixture
def machine(tmp_path):
    """A folder with made-up programs, where .ci/setup sees nothing else."""
    return Machine(tmp_path / "a folder with spaces")


class Machine:
    def __init__(self, folder):
        self.folder = folder
        self.programs = folder / "bin"
        self.programs.mkdir(parents=True)
        (folder / "LOCK").write_text("numpy==2.0 \\\n    --hash=sha256:0\n")
        for tool in TOOLS:
            (self.programs / tool).symlink_to(shutil.which(tool))
        self.add_uv(folder="later")

    def add(self, name, version, works=True, pip=BRING_UV):
        """Adds a Python; one that does not work fails at whatever it is asked."""
        program = self.programs / name
        supported = (3, 11) <= tuple(map(int, version.split("."))) <= (3, 13)
        answer = "exit 0" if works and supported else "exit 1"
        script = PYTHON.format(
            version=version, answer=answer, name=name, program=program, pip=pip
        )
        write_program(program, script)

    def add_uv(self, action="exit 0", folder="bin"):
        """Adds uv, on PATH or where the made-up pip finds it."""
        write_program(self.folder / folder / "uv", UV.format(action=action))

    def set_up(self):
        command = [ROOT / ".ci" / "setup", "LOCK"]
        environment = {"PATH": str(self.programs)}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True
        )

    def log(self):
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []


def write_program(path, script):
    path.parent.mkdir(exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


UV_INSTALL = "uv pip install --python .venv/bin/python"
INSTALLS = [
    f"{UV_INSTALL} --no-deps --require-hashes -r LOCK",
    f"{UV_INSTALL} --quiet --no-deps --no-build-isolation --editable .",
]


def test_uv_is_brought_where_it_is_missing_and_installs_the_rest(machine):
    machine.add("python3", "3.13")
    assert machine.set_up().returncode == 0
    lock = ROOT / ".ci" / "uv.txt"
    assert machine.log() == [
        "python3 -m venv --clear .venv",
        f"python3 -m pip install --quiet --no-deps --require-hashes -r {lock}",
        *INSTALLS,
    ]


def test_uv_on_the_path_is_taken(machine):
    machine.add("python3", "3.13")
    machine.add_uv()
    assert machine.set_up().returncode == 0
    assert machine.log() == ["python3 -m venv --clear .venv", *INSTALLS]


def test_newer_python3_gives_way_to_a_supported_one(machine):
    machine.add("python3", "3.14")
    machine.add("python3.12", "3.12")
    assert machine.set_up().returncode == 0
    assert machine.log()[0] == "python3.12 -m venv --clear .venv"


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


def test_second_set_up_keeps_the_environment_and_its_uv(machine):
    machine.add("python3", "3.13")
    machine.set_up()
    num_lines = len(machine.log())
    machine.set_up()
    assert machine.log()[num_lines:] == INSTALLS


@pytest.mark.parametrize(
    ("accident", "num_environments"), [("exit 1", 1), ("kill -9 $PPID", 2)]
)
def test_interrupted_set_up_starts_anew_and_a_failed_one_goes_on(
    machine, accident, num_environments
):
    machine.add("python3", "3.13", pip=accident)
    assert machine.set_up().returncode != 0
    machine.add("python3", "3.13")
    shutil.copy(machine.programs / "python3", machine.folder / ".venv/bin/python")
    assert machine.set_up().returncode == 0
    created = [line for line in machine.log() if "venv --clear" in line]
    assert created == ["python3 -m venv --clear .venv"] * num_environments
    assert not (machine.folder / ".venv" / "unfinished").exists()


def test_failed_installation_is_reported_although_its_output_is_filtered(machine):
    machine.add("python3", "3.13")
    machine.add_uv("echo no such release >&2; exit 1")
    result = machine.set_up()
    assert result.returncode == 1
    assert "no such release" in result.stdout
    assert "`make` tries again" in result.stderr


def test_progress_is_shown_without_a_line_per_package(machine):
    machine.add("python3", "3.13")
    machine.add_uv("echo 'Downloading numpy (20MiB)'; echo ' + numpy==2.0' >&2")
    lines = machine.set_up().stdout.splitlines()
    assert "Installing LOCK" in lines
    assert "Downloading numpy (20MiB)" in lines
    assert not [line for line in lines if "+ numpy" in line]


PIP_CONFIG = """:env:.find-links='/stick/wheels /more'
global.index-url='https://index.example/simple'
global.no-index='false'
install.index-url='https://nearer.example/simple'
list.format='columns'
"""


def test_uv_is_told_what_pip_is_told():
    pip_settings = runpy.run_path(str(ROOT / ".ci" / "pip_settings.py"))
    settings = pip_settings["read"](PIP_CONFIG)
    assert pip_settings["for_uv"](settings, {"UV_OFFLINE": "1"}) == {
        "UV_DEFAULT_INDEX": "https://nearer.example/simple",
        "UV_FIND_LINKS": "/stick/wheels,/more",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


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


def test_gpu_adds_its_lock():
    lines = commands("lab", "GPU=1")
    assert lines[0] == ".ci/setup requirements.txt"
    assert ".ci/setup requirements-gpu.txt" in lines


@pytest.mark.parametrize("home", ["", "/nowhere"])
def test_without_a_home_caches_lie_in_the_project(home):
    script = "include Makefile\nshow: ; @echo $$HOME\n"
    call = ["make", "--no-print-directory", "-f", "-", "show"]
    environment = {"PATH": os.environ["PATH"], **({"HOME": home} if home else {})}
    shown = subprocess.check_output(
        call, cwd=ROOT, env=environment, input=script, text=True
    )
    assert shown.strip() == f"{ROOT}/build/home"
