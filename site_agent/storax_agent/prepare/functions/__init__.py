"""Python functions of Apps: ``run()`` and hooks.

``sources.py`` turns an App into a worker's command, ``worker.py`` is that worker, and ``call_outcomes.py`` maps the
outcome of a call to a report. ``launch/spawner/worker_pool.py`` keeps the workers.
Which hooks there are, and in which states they run, is declared at the server: ``HOOKS`` in the core's
``lifecycle/states.py``.
"""
