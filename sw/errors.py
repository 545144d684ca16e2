"""The one exception that a user is meant to read."""


class PopbeatError(Exception):
    """Something outside the program is wrong: a file, a value, a missing tool.

    The message is one line that names the file, the value that was found and the way out. Command lines print it without
    a traceback and exit with status 2.
    """
