# SPDX-License-Identifier: Apache-2.0
"""A private bus, and a client of it that speaks D-Bus itself, byte by byte: it can also send what no
library would.

    with Bus() as bus, Peer(bus.address) as peer:
        peer.call("Random", "Get", "u", 16)
"""

import array
import os
import select
import socket
import struct
import subprocess
import tempfile

DEADLINE = 120  # seconds after which something hangs
NAME, PATH = "org.pluton1", "/org/pluton1"
CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY = 1

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/>
<allow own="*"/></policy>{}</busconfig>
"""


class Bus:
    """A dbus-daemon of our own. It can be killed, and started again at the same address."""

    def __init__(self, extra=""):
        self.folder = tempfile.TemporaryDirectory()
        self.address = f"unix:path={self.folder.name}/bus"
        self.config = f"{self.folder.name}/bus.conf"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(f"{self.folder.name}/bus", extra))
        self.process = None

    def start(self):
        out, into = os.pipe()
        self.process = subprocess.Popen(
            ["dbus-daemon", "--nofork", "--nopidfile", "--nosyslog", f"--config-file={self.config}",
             f"--print-address={into}"], pass_fds=[into], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(into)
        ready = select.select([out], [], [], DEADLINE)[0] and os.read(out, 1)
        os.close(out)
        if not ready:
            raise RuntimeError("dbus-daemon did not start")
        return self

    def kill(self):
        self.process.kill()
        self.process.wait(DEADLINE)
        if os.path.exists(f"{self.folder.name}/bus"):
            os.unlink(f"{self.folder.name}/bus")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()
        self.folder.cleanup()


# --- marshalling: D-Bus specification, "Marshaling (Wire Format)" ---

ALIGN = {"y": 1, "g": 1, "v": 1, "n": 2, "q": 2, "b": 4, "i": 4, "u": 4, "s": 4, "o": 4, "a": 4,
         "h": 4, "x": 8, "t": 8, "d": 8, "(": 8, "{": 8}
FIXED = {"y": "B", "n": "h", "q": "H", "b": "I", "i": "i", "u": "I", "h": "I", "x": "q", "t": "Q",
         "d": "d"}


def split(signature):
    """The complete types of a signature."""
    types, start, at = [], 0, 0
    while at < len(signature):
        while signature[at] == "a":
            at += 1
        if signature[at] in "({":
            depth = 0
            while True:
                depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(signature[at], 0)
                if not depth:
                    break
                at += 1
        at += 1
        types.append(signature[start:at])
        start = at
    return types


class Writer:
    def __init__(self):
        self.bytes = bytearray()
        self.descriptors = []

    def align(self, size):
        self.bytes += bytes(-len(self.bytes) % size)

    def put(self, kind, value):
        self.align(ALIGN[kind[0]])
        if kind == "h":
            self.descriptors.append(value)
            value = len(self.descriptors) - 1
        if kind in FIXED:
            self.bytes += struct.pack("<" + FIXED[kind], value)
        elif kind in "so":
            text = value.encode()
            self.bytes += struct.pack("<I", len(text)) + text + b"\0"
        elif kind == "g":
            self.bytes += bytes([len(value)]) + value.encode() + b"\0"
        elif kind == "v":
            self.put("g", value[0])
            self.put(*value)
        elif kind[0] == "a":
            self.put_array(kind[1:], value)
        else:
            for inner, part in zip(split(kind[1:-1]), value):
                self.put(inner, part)

    def put_array(self, kind, value):
        at = len(self.bytes)
        self.bytes += bytes(4)
        self.align(ALIGN[kind[0]])
        start = len(self.bytes)
        if kind == "y":
            self.bytes += value
        else:
            for part in value:
                self.put(kind, part)
        self.bytes[at:at + 4] = struct.pack("<I", len(self.bytes) - start)


class Reader:
    def __init__(self, data, descriptors=()):
        self.data, self.at, self.descriptors = data, 0, descriptors

    def align(self, size):
        self.at += -self.at % size

    def take(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def get(self, kind):
        self.align(ALIGN[kind[0]])
        if kind in FIXED:
            value, = struct.unpack("<" + FIXED[kind], self.take(struct.calcsize(FIXED[kind])))
            return self.descriptors[value] if kind == "h" else bool(value) if kind == "b" else value
        if kind in "so":
            length = self.get("u")
            return self.take(length + 1)[:-1].decode()
        if kind == "g":
            return self.take(self.take(1)[0] + 1)[:-1].decode()
        if kind == "v":
            return self.get(self.get("g"))
        if kind[0] == "a":
            return self.get_array(kind[1:])
        return tuple(self.get(inner) for inner in split(kind[1:-1]))

    def get_array(self, kind):
        length = self.get("u")
        self.align(ALIGN[kind[0]])
        end = self.at + length
        if kind == "y":
            return self.take(length)
        values = []
        while self.at < end:
            values.append(self.get(kind))
        return dict(values) if kind[0] == "{" else values


# --- a client ---

class BusError(Exception):
    """name: "org.pluton1.Error.Busy"; text: the sentence."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        super().__init__(f"{name}: {text}")


class Message:
    """One that came."""

    def __init__(self, kind, serial, fields, body, descriptors):
        self.kind, self.serial = kind, serial
        self.path, self.interface, self.member = fields.get(1), fields.get(2), fields.get(3)
        self.error, self.reply_serial = fields.get(4), fields.get(5)
        self.sender, self.signature = fields.get(7), fields.get(8, "")
        reader = Reader(body, descriptors)
        self.body = tuple(reader.get(kind) for kind in split(self.signature))


class Peer:
    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(address.removeprefix("unix:path="))
        self.serial, self.signals, self.replies = 0, [], {}
        self.descriptors, self.rest = [], b""
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode()
                            + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
        said = b""
        while said.count(b"\n") < 2:
            said += self.socket.recv(256)
        if b"OK " not in said or b"AGREE_UNIX_FD" not in said:
            raise RuntimeError(f"the bus says {said}")
        self.name, = self.bus("Hello")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # --- sending ---

    def send(self, interface, member, signature="", *values, to=NAME, path=PATH, flags=0,
             kind=CALL, reply_to=0):
        """Returns the serial, for `reply`."""
        self.serial += 1
        body = Writer()
        for inner, value in zip(split(signature), values):
            body.put(inner, value)
        self.send_raw(member, interface, signature, bytes(body.bytes), body.descriptors, to, path,
                      flags, kind, reply_to)
        return self.serial

    def send_raw(self, member, interface, signature, body, descriptors=(), to=NAME, path=PATH,
                 flags=0, kind=CALL, reply_to=0):
        fields = [(6, ("s", to))]
        if reply_to:
            fields.append((5, ("u", reply_to)))
        else:
            fields += [(1, ("o", path)), (2, ("s", interface)), (3, ("s", member))]
        if signature:
            fields.append((8, ("g", signature)))
        if descriptors:
            fields.append((9, ("u", len(descriptors))))
        head = Writer()
        for part, value in zip("yyyyuu", (ord("l"), kind, flags, 1, len(body), self.serial)):
            head.put(part, value)
        head.put("a(yv)", fields)
        head.align(8)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        data = memoryview(bytes(head.bytes) + body)
        sent = self.socket.sendmsg([data], rights if descriptors else [])
        self.socket.sendall(data[sent:])

    # --- receiving ---

    def read(self, size):
        while len(self.rest) < size:
            data, control, _, _ = self.socket.recvmsg(1 << 16, 4096)
            if not data:
                raise EOFError("the bus hung up")
            self.rest += data
            for _, _, rights in control:
                numbers = array.array("i")
                numbers.frombytes(rights[:len(rights) // 4 * 4])
                self.descriptors += numbers
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def receive(self):
        head = self.read(16)
        _, kind, _, _, length, serial, fields_length = struct.unpack("<BBBBIII", head)
        fields_bytes = self.read(fields_length + -fields_length % 8)
        reader, fields = Reader(fields_bytes), {}
        while reader.at < fields_length:
            code, value = reader.get("(yv)")
            fields[code] = value
        count = fields.get(9, 0)
        body = self.read(length)
        descriptors, self.descriptors = self.descriptors[:count], self.descriptors[count:]
        return Message(kind, serial, fields, body, descriptors)

    def reply(self, serial):
        """The body of the reply, as a tuple."""
        while serial not in self.replies:
            message = self.receive()
            if message.kind == SIGNAL:
                self.signals.append(message)
            else:
                self.replies[message.reply_serial] = message
        message = self.replies.pop(serial)
        if message.kind == ERROR:
            raise BusError(message.error, message.body[0] if message.body else "")
        return message.body

    def signal(self, member):
        """The next signal of that name."""
        while True:
            for message in self.signals:
                if message.member == member:
                    self.signals.remove(message)
                    return message
            message = self.receive()
            if message.kind == SIGNAL:
                self.signals.append(message)
            else:
                self.replies[message.reply_serial] = message

    def call(self, interface, member, signature="", *values):
        """A method of ours: "Random" is org.pluton1.Random."""
        return self.reply(self.send(f"{NAME}.{interface}", member, signature, *values))

    def bus(self, member, signature="", *values):
        return self.reply(self.send("org.freedesktop.DBus", member, signature, *values,
                                    to="org.freedesktop.DBus", path="/org/freedesktop/DBus"))

    def introspect(self):
        return self.reply(self.send("org.freedesktop.DBus.Introspectable", "Introspect"))[0]
