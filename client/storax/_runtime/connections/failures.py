"""What a failed exchange with a server means, from the exception of the HTTP library."""

from dataclasses import dataclass
from ssl import SSLCertVerificationError, SSLError

AUTHORITY = "Name the file of the authority that signed it in SSL_CERT_FILE, or ask who runs the server."
PLAIN = "Use http:// where the server has no TLS."


@dataclass(frozen=True, slots=True)
class Untrusted:
    """Why a server's TLS was refused, and the way out."""

    why: str
    hint: str


def of_tls(failure: BaseException | None) -> Untrusted | None:
    """Return why the server's TLS was refused; None where that was not the reason. To try again does not help."""
    while failure is not None and not isinstance(failure, SSLError):
        failure = failure.__cause__ or failure.__context__
    if isinstance(failure, SSLCertVerificationError):
        return Untrusted(f"its certificate was refused ({failure.verify_message.rstrip('.')})", AUTHORITY)
    if isinstance(failure, SSLError) and failure.reason == "WRONG_VERSION_NUMBER":
        return Untrusted("what answers there does not speak TLS", PLAIN)
    return None


def is_no_http(failure: Exception | None) -> bool:
    """Return whether the bytes that came are no HTTP, as those of a database or of ssh."""
    # A name in place of httpx, which only the transport imports.
    return type(failure).__name__ == "RemoteProtocolError" and "illegal" in str(failure)


def describe(failure: Exception | None) -> str:
    """Return a failure in a few words."""
    text = str(failure)
    for known in ("refused", "timed out", "reset", "disconnected", "unreachable", "Name or service not known"):
        if known in text:
            return {"refused": "connection refused"}.get(known, known)
    return text or type(failure).__name__
