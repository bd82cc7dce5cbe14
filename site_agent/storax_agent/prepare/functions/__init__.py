"""Python functions of Apps: ``run()`` and hooks.

``sources.py`` turns an App into a worker's command, ``worker.py`` is that worker,
``verdicts.py`` turns what came of a call into a report. ``launchers/warm.py`` keeps the workers.
"""
