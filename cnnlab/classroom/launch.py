"""IPython's kernel without a network: run in the sandbox, `-m cnnlab.classroom.launch`.

What a forked process prints goes through the process that forked it. The kernel's own
way is a port of 127.0.0.1, which the sandbox refuses like every network.
"""

import os

import zmq
from ipykernel import kernelapp
from ipykernel.iostream import IOPubThread
from zmq.eventloop.zmqstream import ZMQStream

PIPE = "ipc://{folder}/socket-forked"


class LocalIOPubThread(IOPubThread):
    """Takes the output of forked processes from a socket in the folder."""

    def _setup_pipe_in(self):
        self._pipe_uuid = os.urandom(16)  # proves that a message is from a fork
        self._address = PIPE.format(folder=os.getcwd())
        pipe = self.socket.context.socket(zmq.PULL)
        pipe.linger = 0
        pipe.bind(self._address)
        self._pipe_in = ZMQStream(pipe, self.io_loop)
        self._pipe_in.on_recv(self._handle_pipe_msg)

    def _setup_pipe_out(self):
        context = zmq.Context()  # a fork needs one of its own
        pipe = context.socket(zmq.PUSH)
        pipe.linger = 3000  # milliseconds
        pipe.connect(self._address)
        return context, pipe


if __name__ == "__main__":
    kernelapp.IOPubThread = LocalIOPubThread
    kernelapp.launch_new_instance()
