"""The main loop: leased jobs go to the launcher, and their outcomes to the outbox."""
