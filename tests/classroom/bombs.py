"""Submissions that try to use up the machine, or to end what grades them.

Each is written as in `attacks`: the code of the cell `answer-double`, and a part of the
line that its author reads.
"""

HELD = (
    "import os, time\nkept = []\nfor _ in range(9):\n    file = open('x', 'wb+')\n"
    "    file.write(bytes(40_000_000))\n    file.flush()\n    os.remove('x')\n    {}\n"
    "    del file\ntime.sleep(60)"
)
BOMBS = {
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
    "asleep": (
        "import time\nwhile True:\n    try:\n        time.sleep(9)\n"
        "    except BaseException:\n        pass",
        "ran too long",
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
    "small_files": (
        "import time\nfor n in range(50_000):\n    open(str(n), 'w').close()\n"
        "time.sleep(60)",
        "too many or too large files",
    ),
    "deep_folders": (
        "import os, time\nfor _ in range(3000):\n    os.mkdir('a')\n    os.chdir('a')\n"
        "time.sleep(60)",
        "too many or too large files|ended",
    ),
    "deleted_files": (HELD.format("kept.append(file)"), "too large files"),
    "mapped_files": (
        "import mmap\n" + HELD.format("kept.append(mmap.mmap(file.fileno(), 0))"),
        "too large files",
    ),
    "shared_memory": (
        "import mmap, time\nkept = []\nfor _ in range(9):\n"
        "    kept.append(mmap.mmap(-1, 50_000_000))\n"
        "    kept[-1].write(bytes(50_000_000))\n"
        "    kept[-1].madvise(mmap.MADV_DONTNEED)\ntime.sleep(60)",
        "too large files",
    ),
    "nameless_memory": (
        "import os, time\nkept = [os.memfd_create(str(n)) for n in range(9)]\n"
        "for each in kept:\n    os.write(each, bytes(50_000_000))\ntime.sleep(60)",
        "no function|too large files",  # where no filter is known, the guard sees it
    ),
    "segments": (
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "print('segments:', max(libc.shmget(0, 10**6, 0o1600) for _ in range(9)))",
        "no function",
    ),
    "full_sockets": (
        "import os, socket, time\nkept = []\nfor _ in range(3):\n    os.fork()\n"
        "try:\n    while True:\n        kept.append(socket.socketpair())\n"
        "        kept[-1][0].setblocking(False)\n"
        "        kept[-1][0].send(bytes(10**5))\n"
        "except OSError:\n    time.sleep(60)",
        "too many or too large files|too much memory",
    ),
    "deep_message": (
        "kernel, deep = get_ipython().kernel, []\n"
        "for _ in range(900):\n    deep = [deep]\n"
        "content = {'data': {'application/json': deep}, 'metadata': {}}\n"
        "socket, parent = kernel.iopub_socket, kernel.get_parent()\n"
        "kernel.session.send(socket, 'display_data', content, parent=parent)",
        "ended|no function",
    ),
    "large_buffers": (
        "kernel, parent = get_ipython().kernel, get_ipython().kernel.get_parent()\n"
        "names = '_model_module', '_model_module_version', '_model_name'\n"
        "data = {'state': dict.fromkeys(names, ''), 'buffer_paths': [['a']]}\n"
        "content = {'target_name': 'jupyter.widget', 'data': data}\n"
        "for n in range(99):\n    content['comm_id'] = str(n)\n"
        "    kernel.session.send(kernel.iopub_socket, 'comm_open', content,\n"
        "        parent=parent, buffers=[bytes(2_000_000)])",
        "printed too much",
    ),
    "deep_page": (
        "from IPython.display import HTML, display\nfor _ in range(10):\n"
        "    display(HTML('<div>' * 1500))",
        "no function",
    ),
    "crash": ("import ctypes\nctypes.string_at(0)", "ended before it could answer"),
}
