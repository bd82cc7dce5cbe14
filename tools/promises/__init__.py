"""``make promises``: run the tests that prove each promise, and write docs/promises.md from what they reached."""
