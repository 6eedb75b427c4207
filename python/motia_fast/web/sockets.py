"""The listening socket, and what becomes of it and its connections in a forked child and at the end.

The socket is made here and handed to Granian, which would share its port with anybody (SO_REUSEPORT): two servers could
listen on one port without an error. SO_REUSEADDR alone lets a server come back at once after a kill, and no other in.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from motia_fast.errors import PortTaken, SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: Connections that may wait to be accepted. Granian's default hangs at 129 keep-alive connections.
BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens: what connects waits until a server accepts it."""

    socket: socket.socket
    #: As it was asked for; the port is the real one.
    host: str
    port: int

    @property
    def url(self) -> str:
        """Such as ``http://127.0.0.1:3000``."""
        return f"http://{_spelled(self.host, self.port)}"

    def close(self) -> None:
        """Stops listening, if no server has taken the socket."""
        _ports.discard(self.port)
        self.socket.close()


def listen(host: str, port: int) -> Listener:
    """Listens on a name or address of this machine; port 0 takes a free one.

    Raises `PortTaken` where somebody listens already, and `SettingsError` where one cannot listen at all.
    """
    family, address = _resolve(host, port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted connections inherit it
        if family == socket.AF_INET6 and host == "::":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # "all addresses" means those of IPv4 too
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _explained(error, host, port) from None
    listener = Listener(sock, host, sock.getsockname()[1])
    _guard(listener.port)
    return listener


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise SettingsError(f'host="{host}" is no address or name of this machine: {error}') from None
    except UnicodeError:
        raise SettingsError(f'host="{host}" is no address or name') from None
    family, _, _, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)  # IPv4, where a name has both
    return family, address  # type: ignore[return-value]  # typeshed has the addresses of all families in one


def _explained(error: OSError, host: str, port: int) -> Exception:
    where = _spelled(host, port)
    if error.errno == errno.EADDRINUSE:
        return PortTaken(
            f"another process listens on {where}; stop it, or take another port (--port, MOTIA_FAST_PORT, port=..; "
            "0 takes a free one)"
        )
    hints = {errno.EACCES: "; ports below 1024 need a privilege", errno.EADDRNOTAVAIL: "; it is not of this machine"}
    return SettingsError(f"cannot listen on {where}: {error.strerror}{hints.get(error.errno or 0, '')}")


def _spelled(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# ---------------------------------------------------------------- our sockets among all file descriptors


def hang_up(port: int) -> int:
    """Ends all connections to our port, whoever holds them in this process; returns their number."""
    count = 0
    for fd in _on_ports({port}):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as sock:
            # Looked at again through the copy: the number may have been closed and taken by another file meanwhile.
            if sock.getsockname()[1] == port and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                sock.shutdown(socket.SHUT_RDWR)
                count += 1
    return count


def _on_ports(ports: Collection[int]) -> Iterator[int]:
    """The descriptors of this process that are TCP sockets with one of these ports at our end."""
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 -- a directory that changes while it is read
        if _local_port(int(name)) in ports:
            yield int(name)


def _local_port(fd: int) -> int | None:
    try:
        sock = socket.socket(fileno=fd)
    except OSError:  # no socket, or closed meanwhile
        return None
    try:
        inet = sock.family in {socket.AF_INET, socket.AF_INET6} and sock.type == socket.SOCK_STREAM
        return sock.getsockname()[1] if inet else None
    except OSError:
        return None
    finally:
        sock.detach()


# ---------------------------------------------------------------- forked children

_ports: set[int] = set()
_registered: list[bool] = []


def _guard(port: int) -> None:
    _ports.add(port)
    if not _registered:
        _registered.append(True)
        os.register_at_fork(after_in_child=_let_go)


def _let_go() -> None:
    """Lets go of our sockets in a forked child.

    A child that outlives a killed server, such as a worker of a `ProcessPoolExecutor`, would keep the port taken, and
    its clients waiting for answers. Each descriptor gets /dev/null instead of being closed, because objects that were
    inherited would close the number a second time, when it may be another file.
    """
    inherited = list(_on_ports(_ports)) if _ports else []
    _ports.clear()
    if not inherited:
        return
    null = os.open(Path(os.devnull), os.O_RDWR)
    for fd in inherited:
        os.dup2(null, fd, inheritable=False)
    os.close(null)
