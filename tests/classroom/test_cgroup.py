"""Control groups, on a tree of files like the kernel's: what is written and read."""

import os
import types

import pytest

from cnnlab.classroom import cgroup, guard, sandbox


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder that looks like a machine's control groups."""
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids\n")
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def group(tree):
    """A group whose sandbox has used 3 seconds, and was not killed."""
    limits = sandbox.Limits(megabytes=700, processes=50)
    made = cgroup.Group(f"cnnlab-{os.getpid()}-x", limits)
    (made.path / "cpu.stat").write_text("usage_usec 3000000\nuser_usec 2000000\n")
    (made.path / "memory.events").write_text("low 0\noom 0\noom_kill 0\n")
    return made


def test_without_version_2_there_are_no_groups(tree):
    assert cgroup.available()
    (tree / "cgroup.controllers").write_text("cpu io\n")
    assert not cgroup.available()
    (tree / "cgroup.controllers").unlink()
    assert not cgroup.available()


def test_controllers_that_nobody_may_switch_on_are_not_there(tree, monkeypatch):
    control = tree / "cgroup.subtree_control"
    control.write_text("cpu\n")
    assert not cgroup.available()  # what was written is not what the kernel answers
    assert control.read_text() == "+memory +pids"
    control.unlink()
    control.mkdir()  # a write fails, as where processes are in the way
    assert not cgroup.available()


def test_a_group_holds_the_limits(group):
    written = {each.name: each.read_text() for each in group.path.iterdir()}
    assert written["memory.max"] == "700000000"
    assert written["memory.swap.max"] == "0"
    assert written["memory.oom.group"] == "1"
    assert written["pids.max"] == "50"


def test_a_sandbox_joins_its_group_before_anything_else(group, tmp_path):
    command = sandbox.command(tmp_path, sandbox.Limits(), (), group.path)
    *_, join, name = command[:4]
    assert command[:2] == ["sh", "-ec"]
    assert join == f'echo $$ > {group.path}/cgroup.procs; exec "$@"'
    assert command[4] in ("unshare", "bwrap")


@pytest.fixture
def watched(group, tmp_path, monkeypatch):
    """A guard of a sandbox in that group; no process is looked at."""
    nobody = types.SimpleNamespace(
        numbers=lambda: [], kill=lambda: None, close=lambda: None
    )
    monkeypatch.setattr(guard, "Tree", lambda process: nobody)
    folder = tmp_path / "folder"
    folder.mkdir()
    limits = sandbox.Limits(processor_seconds=4)
    return guard.Guard(0, folder, limits, group)


def test_the_guard_takes_time_and_memory_from_the_group(watched, group):
    assert watched.passed() is None
    (group.path / "cpu.stat").write_text("usage_usec 4100000\n")
    assert watched.passed() == "time"
    (group.path / "cpu.stat").write_text("usage_usec 1\n")
    (group.path / "memory.events").write_text("oom_kill 2\n")
    assert watched.passed() == "memory"


def test_a_sandbox_that_the_kernel_killed_had_too_little_memory(watched, group):
    (group.path / "memory.events").write_text("oom_kill 1\n")
    events = []
    group.remove = lambda: events.append((group.path / "cgroup.kill").read_text())
    watched.kill("end")
    assert watched.reason == "memory"
    assert events == ["1"]


def test_groups_of_graders_that_are_gone_are_removed(tree):
    for grader in (1, 2):
        (tree / f"cnnlab-{grader}-x").mkdir()
    (tree / "cnnlab-other").mkdir()
    cgroup.remove_leftovers(lambda grader: grader == 1)
    assert (tree / "cnnlab-1-x").exists()
    assert (tree / "cnnlab-2-x" / "cgroup.kill").read_text() == "1"
    assert (tree / "cnnlab-other").exists()
