"""The reference pages, written from the resource declarations."""
