"""Compatibility: an entry point of the previous release, whose runners start the node worker by this name."""

import sys

from storax_agent.launch.nodes.bridge import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
