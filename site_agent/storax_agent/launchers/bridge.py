"""The node worker, as a runner of the release before starts it."""

import sys

from storax_agent.launch.nodes.bridge import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
