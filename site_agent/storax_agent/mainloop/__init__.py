"""The main loop: leased jobs go to the launcher, and their outcomes to the outbox.

One thread, which alone holds the jobs; the threads of ``loops/`` pass work to it.
"""
