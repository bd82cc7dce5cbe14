"""Launchers start and stop the processes of jobs; ``base.py`` says what one must do, ``local.py`` is this machine's."""
