"""Sessions over HTTP: acquire by long poll, heartbeat, report, release."""
