"""Transfer services move files in before a job and out after it; see ``base.py``. ``local.py`` copies."""
