"""Deliveries to webhooks: who may be reached, what is sent, and the shifts of the worker that sends it."""
