"""Reads: filters, orders and pages compiled to one SELECT."""
