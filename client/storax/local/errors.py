"""The errors of the local stack; each says what happened and the way out."""


class LocalError(Exception):
    """The local stack cannot carry out a command.

    ::

        LocalError
        ├── MissingWheelError    the embedded servers are not installed
        ├── DataFolderError      the data folder cannot be used
        ├── PortBusyError        another program listens on the chosen port
        ├── StackBusyError       another process starts or stops the same stack
        └── StartError           a part of the stack did not start
    """


class MissingWheelError(LocalError):
    """The embedded servers are not installed."""


class DataFolderError(LocalError):
    """The data folder cannot be used."""


class PortBusyError(LocalError):
    """Another program listens on the chosen port."""


class StackBusyError(LocalError):
    """Another process starts or stops the stack of the same data folder."""


class StartError(LocalError):
    """A part of the stack did not start; the message ends with the last lines of its log."""
