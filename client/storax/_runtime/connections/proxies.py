"""Whether a proxy stands between the client and its server."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_proxied(url: str) -> bool:
    """Return whether the environment names a proxy for this address; never for this machine."""
    from urllib.request import getproxies, proxy_bypass

    host = urlsplit(url).hostname or ""
    if host == "localhost" or _is_loopback(host) or not getproxies():
        return False
    return not proxy_bypass(host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
