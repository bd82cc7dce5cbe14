"""The settings of a site: one typed table for each part of ``site.toml``."""
