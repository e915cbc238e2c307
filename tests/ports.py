"""A free port for a server of a test."""

import random
import socket


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, below those that the system assigns itself.

    A server may take a minute until it listens. Meanwhile, a port of the system's range (`bind` to 0) may be given to
    any connection of another test.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
