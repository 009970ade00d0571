"""Submissions that try to gain points, to touch the host, or to stop the others.

Each is the code of the cell `answer-double`, with a part of the line that its author
reads in the feedback. `total` is left unanswered, so that every point is a stolen one.
"""

SEARCH = """
import os
secret = (b"canary-in-" + b"the-host", b"the-solution-" + b"of")
names = {"source", "gradebook.db", "submitted", "release", "notebooks", "tests"}
found = []
for place, folders, files in os.walk("/"):
    found += [os.path.join(place, name) for name in names & {*folders, *files}]
    system = {"proc", "usr", "lib", "lib64", "bin", "sbin", "dev", "share", "include"}
    folders[:] = [name for name in folders if name not in system]
    for name in files:
        try:
            with open(os.path.join(place, name), "rb") as file:
                text = file.read(100_000)
        except OSError:
            continue
        if any(each in text for each in secret):
            found.append(os.path.join(place, name))
print("found:", sorted(found))
print("home:", os.path.expanduser("~").startswith("/tmp/cnnlab-"))
"""
ENVIRONMENT = """
import glob
texts = [str(dict(__import__("os").environ))]
for path in glob.glob("/proc/*/environ"):
    try:
        texts.append(open(path, "rb").read().decode())
    except OSError:
        pass
print("secrets:", [text for text in texts if "canary" + "-token" in text])
"""
NETWORK = """
import socket
opened = []
for address in (("127.0.0.1", PORT), ("1.1.1.1", 53), ("0.0.0.0", PORT)):
    try:
        socket.create_connection(address, timeout=2)
        opened.append(address)
    except OSError:
        pass
other = socket.socket(socket.AF_UNIX)
try:
    other.connect(chr(0) + "ABSTRACT")
    opened.append("abstract")
except OSError:
    pass
print("opened:", opened)
"""
OUTSIDE = """
import os, sys
written = []
places = ["/", "/tmp", "/dev", "/dev/shm", "/usr", "/etc", "/root", "/home", "/run"]
places += ["/var/tmp", sys.prefix, sys.base_prefix, os.path.dirname(np.__file__)]
for place in places + [os.path.dirname(os.getcwd()), "TARGET"]:
    try:
        with open(os.path.join(place, "escaped"), "w") as file:
            file.write("here")
        written.append(place)
    except OSError:
        pass
print("written:", written)
for program in ("mount -t tmpfs none /mnt", "unshare -Ur true", "chroot / true"):
    print("allowed:", os.system(program + " 2>/dev/null") == 0)
"""
WRONG = "def double(x):\n    return {}\n"
ATTACKS = {
    "equal_object": (
        "class Equal:\n    __eq__ = lambda *a: True\n    shape = (3,)\n"
        "    dtype = np.dtype(float)\n" + WRONG.format("Equal()"),
        "stopped with an error",
    ),
    "equal_array": (
        "class Equal(np.ndarray):\n    __eq__ = lambda *a: np.True_\n"
        "    __sub__ = __rsub__ = __abs__ = lambda *a: np.zeros(3)\n"
        + WRONG.format("np.ones(3).view(Equal)"),
        "not right yet",
    ),
    "patched_comparison": (
        "import json, sys, numpy.testing\n"
        "yes = lambda *a, **k: True\n"
        "np.allclose = np.isclose = np.array_equal = yes\n"
        "for name in dir(numpy.testing):\n"
        "    setattr(numpy.testing, name, yes)\n"
        "sys.modules['numpy.testing'] = sys.modules['unittest'] = json\n"
        "check = yes\n"
        "import cnnlab.classroom.hints, cnnlab.classroom.mark\n"
        "cnnlab.classroom.hints.agree = cnnlab.classroom.hints.check = yes\n"
        "cnnlab.classroom.mark.agree = yes\n" + WRONG.format("x"),
        "not right yet",
    ),
    "patched_json": (
        "import builtins, json\nyes = lambda *a, **k: True\n"
        "json.loads = json.load = builtins.all = yes\n" + WRONG.format("x"),
        "not right yet|ran too long|ended",
    ),
    "patched_answer": (
        "import cnnlab.classroom.inside as inside\n"
        "inside.answer = lambda name, function: print('Right.')\n",
        "ended before it could answer",
    ),
    "forged_files": (
        "import json, threading\n"
        "for number in range(9):\n"
        "    np.save(f'double.{number}.npy', np.zeros(3))\n"
        "marks = [{'name': 'double', 'points': 100, 'most': 2}]\n"
        "json.dump({'marks': marks}, open('marks.json', 'w'))\n",
        "no function",
    ),
    "forged_output": (
        "print('double: 2 of 2 points')\nraise SystemExit(0)",
        "no function",
    ),
    "searching": (SEARCH, "no function"),
    "environment": (ENVIRONMENT, "no function"),
    "network": (NETWORK, "no function"),
    "outside": (OUTSIDE, "no function"),
    "fork_bomb": (
        "import os\nwhile True:\n    try:\n        os.fork()\n"
        "    except OSError:\n        pass",
        "ran too long|too much memory",
    ),
    "memory_bomb": (
        "kept = []\nwhile True:\n    kept.append(np.ones(5_000_000))",
        "too much memory",
    ),
    "memory_of_many": (
        "import os, time\nfor _ in range(9):\n    if os.fork() == 0:\n"
        "        kept = np.ones(20_000_000)\n        time.sleep(90)\ntime.sleep(90)",
        "too much memory",
    ),
    "endless_loop": ("while True:\n    pass", "no function"),
    "endless_function": (
        "def double(x):\n    while True:\n        pass",
        "ran too long",
    ),
    "stubborn": (
        "import signal\nfor each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
        "    signal.signal(each, signal.SIG_IGN)\nwhile True:\n    pass",
        "ran too long",
    ),
    "exit": ("import os\nos._exit(0)", "ended before it could answer"),
    "kill_all": ("import os\nos.kill(-1, 9)", "no function|ended"),
    "endless_output": (
        "while True:\n    print('x' * 5000)",
        "printed too much",
    ),
    "large_message": ("print('x' * 50_000_000)", "no function|ended|printed"),
    "garbage_messages": (
        "socket = get_ipython().kernel.iopub_socket\n"
        "for _ in range(50):\n    socket.send_multipart([b'garbage', b'<IDS|MSG>'])",
        "no function|ended|printed",
    ),
    "large_file": (
        "with open('large', 'wb') as file:\n    for _ in range(2000):\n"
        "        file.write(bytes(1_000_000))",
        "no function",
    ),
    "many_files": (
        "import time\nfor n in range(40):\n    with open(str(n), 'wb') as file:\n"
        "        file.write(bytes(20_000_000))\ntime.sleep(60)",
        "too large files",
    ),
    "hidden_folder": (
        "import os, time\nos.makedirs('a/b')\nos.chmod('a', 0)\ntime.sleep(1)",
        "no function|too large files",
    ),
    "link_out": (
        "import os\nfor number in range(3):\n"
        "    os.symlink('TARGET/canary.npy', f'double.{number}.npy')\n"
        "os.remove('double.npz')",
        "ended before it could answer",
    ),
    "pipe_answer": (
        "import os\nfor number in range(3):\n    os.mkfifo(f'double.{number}.npy')\n"
        "np.save = lambda *a: None\n" + WRONG.format("x"),
        "ended before it could answer",
    ),
    "folder_answer": (
        "import os\nfor number in range(3):\n    os.mkdir(f'double.{number}.npy')\n"
        + WRONG.format("x"),
        "stopped with an error",
    ),
    "pickle_answer": (
        "class Bomb:\n    def __reduce__(self):\n"
        "        return __import__('os').system, ('touch TARGET/escaped',)\n"
        "def double(x):\n    return x\n"
        "np.save = lambda path, value: np.lib.format.write_array(\n"
        "    open(path, 'wb'), np.array([Bomb()] * 3, object))",
        "no real numbers",
    ),
    "header_bomb": (
        "head = {'descr': '<f8', 'fortran_order': False, 'shape': (10**15,)}\n"
        "np.save = lambda path, value: np.lib.format.write_array_header_1_0(\n"
        "    open(path, 'wb'), head)\n" + WRONG.format("x"),
        "wrong shape",
    ),
    "short_answer": (
        "head = {'descr': '<f8', 'fortran_order': False, 'shape': (3,)}\n"
        "np.save = lambda path, value: np.lib.format.write_array_header_1_0(\n"
        "    open(path, 'wb'), head)\n" + WRONG.format("x"),
        "not an array of numbers",
    ),
    "wrong_shape": (WRONG.format("np.ones((3, 3)) * 2"), "wrong shape"),
    "not_a_number": (WRONG.format("x * np.nan"), "NaN"),
    "object_dtype": (WRONG.format("np.array([x, None], object)"), "with an error"),
    "complex_numbers": (WRONG.format("2 * x + 0j"), "no real numbers"),
    "text": (WRONG.format("'twice x'"), "no real numbers"),
    "huge_answer": (
        WRONG.format("np.broadcast_to(0.0, 10**9)"),
        "wrong shape|too large",
    ),
    "script_in_error": (
        "def double(x):\n    raise ValueError('<script>alert(1)</script>' * 100)",
        "stopped with an error",
    ),
}
