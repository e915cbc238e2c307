"""The one kind of error that is the user's to mend."""


class UserError(Exception):
    """Bad input, or a machine that cannot do what was asked.

    The message is complete: what is wrong, where (file, line), and what to do next. The command line shows it
    as it stands, without a traceback, and exits with status 2.
    """
