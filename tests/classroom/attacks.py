"""Submissions that try to gain points or to touch the host.

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
names = "", "tmp", "dev", "dev/shm", "usr", "etc", "root", "home", "run"
places = [os.path.join("/", name) for name in names]
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
DISPLAY = """
from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display
bad = "<script>alert(1)</script><img src=x onerror=alert(1)><style>p{}</style>"
bad += "<svg onload=alert(1)></svg><a href='javascript:alert(1)'>x</a>"
bad += "<iframe srcdoc='<script>alert(1)</script>'></iframe>"
display(HTML(bad), Javascript("alert(1)"), Markdown(bad), Latex(bad))
image, sizes = "AAAA", {"width": "1 onerror=alert(1)", "alt": "' onerror=alert(1)"}
for kind in ("image/png", "image/jpeg"):
    display({kind: image}, raw=True, metadata=sizes | {kind: sizes})
    display({kind: "' onerror=alert(1) x='"}, raw=True)
svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
widget = {"model_id": "</script><script>alert(1)</script>"}
display({"image/svg+xml": svg}, raw=True)
display({"application/vnd.jupyter.widget-view+json": widget}, raw=True)
display({"text/vnd.mermaid": "</pre><script>alert(1)</script>"}, raw=True)
print(bad)
raise ValueError(bad)
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
    "writing_thread": (
        "import threading\ndef write():\n    while True:\n"
        "        np.save('double.0.npy', np.ones(3))\n"
        "threading.Thread(target=write, daemon=True).start()",
        "no function",
    ),
    "writing_orphan": (
        "import os\nif os.fork() == 0:\n    os.setsid()\n    while os.fork() == 0:\n"
        "        np.save('double.0.npy', np.ones(3))\n"
        "    os._exit(0)",
        "no function|ran too long|ended",
    ),
    "recorded_inputs": (
        "with np.load('double.npz') as file:\n    seen = dict(file)\n"
        "def double(x):\n    return next(iter(seen.values()))",
        "not right yet",
    ),
    "replaced_sockets": (
        "import glob, os\nfor path in glob.glob('socket*'):\n    os.remove(path)\n"
        "    os.symlink('TARGET/canary.npy', path)\nos.closerange(3, 500)",
        "ended|no function",
    ),
    "display": (DISPLAY, "no function"),
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
        "wrong shape|too large|with an error",
    ),
    "script_in_error": (
        "def double(x):\n    raise ValueError('<script>alert(1)</script>' * 100)",
        "stopped with an error",
    ),
}
