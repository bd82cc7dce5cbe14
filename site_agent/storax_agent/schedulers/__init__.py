"""Schedulers give out allocations; ``base.py`` says what one must do, ``local.py`` uses this machine."""
