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
    "page_tables": (
        "import ctypes, mmap, time\nlibc = ctypes.CDLL(None)\n"
        "libc.mmap.restype, word = ctypes.c_void_p, ctypes.c_size_t\n"
        "libc.mmap.argtypes = [ctypes.c_void_p, word, *[ctypes.c_int] * 3, word]\n"
        "for number in range(60_000):\n    place = (1 << 40) + (number << 30)\n"
        "    ctypes.memset(libc.mmap(place, 4096, 3, 0x22, -1, 0), 1, 1)\n"
        "time.sleep(60)",
        "too much memory",
    ),
    "many_mappings": (
        "import ctypes, os, time\nlibc = ctypes.CDLL(None)\n"
        "libc.mmap.restype = ctypes.c_void_p\nfor _ in range(8):\n    os.fork()\n"
        "for number in range(60_000):\n"
        "    libc.mmap(None, 4096, 1 + number % 2 * 2, 0x22, -1, 0)\n"
        "time.sleep(60)",
        "too much memory|ran too long",
    ),
    "full_backlog": (
        "import socket, time\nserver, kept = socket.socket(socket.AF_UNIX), []\n"
        "server.bind('listening')\nserver.listen(4000)\nfor _ in range(4000):\n"
        "    client = socket.socket(socket.AF_UNIX)\n    client.setblocking(False)\n"
        "    client.connect('listening')\n    client.send(bytes(150_000))\n"
        "    client.close()\ntime.sleep(60)",
        "too much memory",
    ),
    "files_in_flight": (
        "import socket\n"
        + HELD.format(
            "a, b = socket.socketpair(); kept += [a, b]\n"
            "    socket.send_fds(a, [b'x'], [file.fileno()])"
        ),
        "no function",
    ),
    "running_programs": (
        "import os, shutil, subprocess, time\nfor number in range(9):\n"
        "    shutil.copy('/bin/sleep', 'x')\n"
        "    with open('x', 'ab') as file:\n        file.write(bytes(40_000_000))\n"
        "    subprocess.Popen(['./x', '60'])\n    time.sleep(0.05)\n"
        "    os.remove('x')\ntime.sleep(60)",
        "too large files",
    ),
    "children_of_nobody": (
        "import os, signal, time\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "for _ in range(8):\n    if os.fork() == 0:\n        while True:\n"
        "            if os.fork() == 0:\n                end = time.time() + 0.2\n"
        "                while time.time() < end:\n                    pass\n"
        "                os._exit(0)\n            time.sleep(0.2)\ntime.sleep(10)",
        "ran too long|too much memory",
    ),
    "first_thread_ended": (
        "import ctypes, os, threading, time\ndef work():\n    time.sleep(0.5)\n"
        "    kept = np.ones(120_000_000)\n    time.sleep(60)\n"
        "if os.fork() == 0:\n    threading.Thread(target=work).start()\n"
        "    ctypes.CDLL(None).pthread_exit(None)\ntime.sleep(11)",
        "too much memory",
    ),
    "semaphores": (
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "print('semaphores:', max(libc.semget(0, 9999, 0o1600) for _ in range(9)))",
        "no function",
    ),
    "pinned_pipes": (
        "import ctypes, os, time\nlibc, kept = ctypes.CDLL(None), []\n"
        "for name in ('vmsplice', 'splice', 'tee', 'unshare'):\n"
        "    print(name, getattr(libc, name)(0, 0, 0, 0, 0, 0))",
        "no function",
    ),
    "many_parts": (
        "kernel, parts = get_ipython().kernel, [bytes(2_900_000)] * 900\n"
        "import zmq; socket = kernel.iopub_thread.socket\n"
        "kernel.iopub_thread.schedule(\n"
        "    lambda: socket.send_multipart([zmq.Frame(each) for each in parts],\n"
        "                                  copy=False))\n"
        "import time; time.sleep(8)",
        "printed too much|too much memory|ended|no function",
    ),
    "objects_in_message": (
        "content = {'data': {'application/json': [{}] * 600_000}, 'metadata': {}}\n"
        "kernel = get_ipython().kernel\n"
        "kernel.session.send(kernel.iopub_socket, 'display_data', content,\n"
        "    parent=kernel.get_parent())\nimport time; time.sleep(5)",
        "printed too much",
    ),
    "long_signature": (
        "socket = get_ipython().kernel.iopub_socket\n"
        "for _ in range(9):\n    socket.send_multipart(\n"
        "        [b'x', b'<IDS|MSG>', b's' * 2_500_000, *[b'{}'] * 4])\n"
        "import time; time.sleep(1)",
        "no function|printed|ended",
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
