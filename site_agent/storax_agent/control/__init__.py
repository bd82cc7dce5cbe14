"""How people control a site: the command line, its creation, its checks, start and stop."""
