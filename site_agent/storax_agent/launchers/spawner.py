"""The spawner, as a runner of the release before starts it."""

import sys

from storax_agent.launch.spawner.server import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
