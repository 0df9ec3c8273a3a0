# SPDX-License-Identifier: Apache-2.0
"""A plutond that says what a test wants it to say, written from docs/protocol.md, for answers that a
real one gives only by chance.

    def answer(client, request):
        client.upcall(request, error=FAIL, output=b"no")
    with FakePlutond(answer) as daemon:
        run(CLI, "status", env=environment(PLUTON_ADDRESS=daemon.address))
"""

import array
import collections
import os
import socket
import struct
import tempfile
import threading

from client import (CALL, CANCEL, FIXED_OPERATION, FIXED_RETURN, FIXED_UPCALL, HEADER, HELLO, MORE,
                    OPERATION, RECORD_MAX, RETURN, UPCALL, WELCOME, WINDOW_ADD)

INLINE_MAX = 1024
SUCCESS_NUMBER = 129  # a variant of RETURN

Request = collections.namedtuple("Request", "kind op_id driver command words room")


class Connection:
    def __init__(self, connected, keeps_windows=True):
        self.socket = connected
        self.keeps_windows = keeps_windows

    def send(self, kind, body, op_id=0, driver=0, flags=0):
        self.socket.send(HEADER.pack(kind, flags, HEADER.size + len(body), op_id, driver) + body)

    def upcall(self, request, words=(0, 0), error=0, output=None, more=False, missed=0):
        """An answer; without `output` a success has as much as was asked for, all of it 0."""
        if output is None:
            output = b"" if error else bytes(request.room)
        body = FIXED_UPCALL.pack(0, error, *words, missed, 0, len(output), 0, 0)
        self.send(UPCALL, body + output, request.op_id, request.driver, MORE if more else 0)

    def serve(self, answer):
        """Until the client is gone."""
        while True:
            record, rights, _, _ = self.socket.recvmsg(RECORD_MAX, socket.CMSG_SPACE(16))
            for _, _, data in rights:
                for descriptor in array.array("i", data):
                    os.close(descriptor)
            if not record:
                return
            kind, _, _, op_id, driver = HEADER.unpack_from(record)
            if kind == HELLO:
                self.send(WELCOME, struct.pack("<9I", 1, 0, os.getpid(), 1, 1, INLINE_MAX, 16, 8,
                                               1 << 20))
            elif kind == WINDOW_ADD and not self.keeps_windows:
                return
            elif kind == WINDOW_ADD:
                self.send(RETURN, FIXED_RETURN.pack(SUCCESS_NUMBER, 1, 0, 0, 0, 0, 0, 0, 0), op_id)
            elif kind == OPERATION:
                command, *words, _, room, _, _, _ = FIXED_OPERATION.unpack_from(record, HEADER.size)
                answer(self, Request(kind, op_id, driver, command, words, room))
            elif kind in (CANCEL, CALL):
                answer(self, Request(kind, op_id, driver, 0, (), 0))


class FakePlutond:
    """One client after the other. What `answer` raises is raised again at the end."""

    def __init__(self, answer, keeps_windows=True):
        self.answer = answer
        self.keeps_windows = keeps_windows  # else it hangs up on who has one
        self.error = None
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "sock")
        self.address = f"unix:{path}"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        try:
            while True:
                try:
                    connected = self.listener.accept()[0]
                except OSError:
                    return  # shut down
                with connected:
                    Connection(connected, self.keeps_windows).serve(self.answer)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a client that leaves in the middle is the test's own business
        except BaseException as error:  # pylint: disable=broad-except
            self.error = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        self.folder.cleanup()
        if self.error:
            raise self.error
