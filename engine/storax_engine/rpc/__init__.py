"""How clients call the engine: HTTP over a Unix socket, one function per command."""
