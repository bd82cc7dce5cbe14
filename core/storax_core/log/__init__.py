"""The event log: append, read up to the watermark, and fold into current state."""
