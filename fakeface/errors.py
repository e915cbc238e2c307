"""The error that a user can fix."""


class UserError(Exception):
    """Bad input, or a machine that cannot do what was requested.

    The message is complete: what is wrong, where (file, line), and what to do next. The command line prints it without
    a traceback and exits with status 2.
    """
