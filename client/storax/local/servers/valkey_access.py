"""What each part may do in Redis or Valkey: the keys, channels and commands of its user."""

import hashlib

_ANY = "+ping +hello +select +client|setname"  # said by the client library itself
_QUEUES = "~ready:* ~batch:* ~cancel:* ~feed ~queues"
_HINTS = "+@sortedset +@string +del +type +exists +expire +pexpire"
RULES = {
    "api": f"{_QUEUES} ~box:* ~scanned:* &wake {_ANY} {_HINTS} +@list +xread +xrange +xrevrange +xlen +publish"
    " +multi +exec +discard -@dangerous",
    "feeder": f"{_QUEUES} &wake {_ANY} {_HINTS} +@stream +subscribe +unsubscribe -@dangerous",
    "tasks": f"~rq:* &rq:* {_ANY} +@all -@admin -@dangerous +info +client|list",
}


def rule(part: str, password: str) -> str:
    """Return the rule of a part's user, for ``ACL SETUSER`` or a ``user`` line; it has only a hash of the password."""
    return f"reset on #{hashlib.sha256(password.encode()).hexdigest()} {RULES[part]}"
