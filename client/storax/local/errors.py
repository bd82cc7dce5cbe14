"""What can go wrong on this machine; every error says what happened and the way out."""


class LocalError(Exception):
    """The local stack cannot do what was asked.

    ::

        LocalError
        ├── MissingWheelError    the embedded servers are not installed
        ├── DataFolderError      the data folder cannot be used
        ├── PortBusyError        another program listens on the port asked for
        ├── StackBusyError       another process works on the same data folder
        └── StartError           a part of the stack did not start
    """


class MissingWheelError(LocalError):
    """The embedded servers are not installed."""


class DataFolderError(LocalError):
    """The data folder cannot be used."""


class PortBusyError(LocalError):
    """Another program listens on the port asked for."""


class StackBusyError(LocalError):
    """Another process starts or stops the stack of the same data folder."""


class StartError(LocalError):
    """A part of the stack did not start; the message ends with the last lines of its log."""
