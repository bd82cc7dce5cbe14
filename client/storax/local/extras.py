"""Which extra of the installation brings a module that is missing."""

EXTRAS = {
    "storax_agent": "agent", "storax_api": "server", "storax_core": "server", "storax_workers": "server",
    "storax_engine": "engine",
}  # fmt: skip


def extra_of(error: ModuleNotFoundError) -> str:
    """Return the extra that a package of Storax needs for this module; empty where it is no matter of extras."""
    if (error.name or "").partition(".")[0] in (*EXTRAS, "storax"):
        return ""
    names, trace = [], error.__traceback__
    while trace is not None:
        names.append(str(trace.tb_frame.f_globals.get("__name__") or "").partition(".")[0])
        trace = trace.tb_next
    return next((EXTRAS[name] for name in reversed(names) if name in EXTRAS), "")


def explained(error: ModuleNotFoundError) -> tuple[str, str]:
    """Return what is missing, and the way out; two empty texts where no extra brings it."""
    extra = extra_of(error)
    if not extra:
        return "", ""
    return f"The module {error.name!r} is not installed.", f'Install what it belongs to: pip install "storax[{extra}]"'
