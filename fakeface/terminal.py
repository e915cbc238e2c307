"""What may be printed: text from file names, servers, stores and specifications, made safe for a terminal or a log."""

import contextlib
import io
import os
import re
import sys
from pathlib import Path

_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
"""Control characters (with ESC and the C1 codes), separators of lines, changes of the writing direction, surrogates."""
_UNSAFE = re.compile(f"[{_CONTROL}]")
_UNSAFE_IN_LINES = re.compile(f"(?!\n)[{_CONTROL}]")
_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#:]*:[^\s/?#]*@|(?<=http://)[^\s/?#]*@|(?<=https://)[^\s/?#]*@")
"""A name with a password, or a name alone where it may be a token. Databases need one, which is no secret."""
_SECRET = re.compile(
    r"([?&](?!viewStateShareKey=)[^=&#\s]*(?:token|key|passw|pwd|secret|sig|auth)[^=&#\s]*=)[^&#\s]+",
    re.IGNORECASE,
)
"""A parameter that may be a secret. `viewStateShareKey` names a saved view of MLflow's page."""
_FIRST_BYTE = 0xDC00
"""A byte that is not UTF-8 is U+DC00 plus its value in a Python string (`surrogateescape`)."""


def printable(text: object) -> str:
    """Text on one line, safe to print: line breaks and what a terminal might act on as Python escapes, such as `\\x1b`.

    Bytes that are not UTF-8 become `\\xff`. Credentials in a URI become `***`.
    """
    return _UNSAFE.sub(_escaped, without_credentials(str(text)))


def printable_lines(text: object) -> str:
    """As `printable`, but keeps line breaks: for messages of several lines."""
    return _UNSAFE_IN_LINES.sub(_escaped, without_credentials(str(text)))


def json_escaped(text: str) -> str:
    """A JSON document whose strings hold nothing that a terminal would act on. Every value stays exact."""
    return _UNSAFE_IN_LINES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def without_credentials(text: str) -> str:
    """`http://name:secret@host?token=abc` as `http://***@host?token=***`."""
    return _SECRET.sub(r"\1***", _CREDENTIALS.sub("***@", text))


def prepare_streams() -> None:
    """Make standard output and error of this process usable: characters outside their encoding are escaped, not raised.

    A stream that was closed leads nowhere, so that no file which is opened later takes its number.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, mode))
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            # A log that is followed shows each line as it comes.
            stream.reconfigure(errors="backslashreplace", line_buffering=True)


def discard_streams() -> None:
    """Send the rest of standard output and error nowhere: the interpreter flushes them at its end, which may fail."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0x80 <= code - _FIRST_BYTE <= 0xFF:
        return f"\\x{code - _FIRST_BYTE:02x}"
    return match[0].encode("unicode_escape").decode()
