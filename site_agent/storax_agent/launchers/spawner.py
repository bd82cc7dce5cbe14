"""Compatibility: an entry point of the previous release, whose runners start the spawner by this name."""

import sys

from storax_agent.launch.spawner.server import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
