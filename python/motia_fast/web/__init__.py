"""HTTP: from bytes to a step and back (`Application`), and the server around it (`Server`)."""

from motia_fast.web.dispatch import Application, Probes
from motia_fast.web.server import Server
from motia_fast.web.sockets import Listener, listen
from motia_fast.web.wire import RawRequest, RawResponse

__all__ = ["Application", "Listener", "Probes", "RawRequest", "RawResponse", "Server", "listen"]
