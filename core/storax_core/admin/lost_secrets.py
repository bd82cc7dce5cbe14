"""What the log cannot give back of a lost row: the hashes of tokens and of passwords, which no event holds.

A token's row comes back with a mark in place of the hash. No text has it as its hash, so nobody can use the token; its
owner sees it in the list of tokens, and revokes it.
"""

from storax_core.database.connections import Connection
from storax_core.log.fold import folded
from storax_core.resources import TOKENS, USERS

MARK = "'lost:' || {id}"  # SQL of the mark by the token's id; the hash of a token is hexadecimal
_LIVES = "({row}.expires_at IS NULL OR {row}.expires_at > now())"  # nobody misses what has expired
# A user without a password's hash who had one once: nothing takes it away.
_HAD_ONE = """EXISTS (SELECT FROM event_log e WHERE e.entity = 'user' AND e.entity_id = u.id
  AND (e.type = 'user.password_changed' OR e.type = 'user.logged_in' AND e.data -> 'note' ->> 'with' = 'password'))"""
CHECKS = {
    "every token has its hash": f"""SELECT count(*) FROM token t
        WHERE t.hash = {MARK.format(id="t.id")} AND {_LIVES.format(row="t")}""",  # noqa: S608
    "every password has its hash": f"""SELECT count(*) FROM user_account u
        WHERE u.password_hash IS NULL AND {_HAD_ONE}""",  # noqa: S608
}
TOKENS_LOST = f"""SELECT f.id, f.name, f.site_id, coalesce(u.username, 'user ' || f.owner_id) AS username
FROM ({folded(TOKENS)}) f LEFT JOIN token t ON t.id = f.id LEFT JOIN ({folded(USERS)}) u ON u.id = f.user_id
WHERE (t.id IS NULL OR t.hash = {MARK.format(id="t.id")}) AND {_LIVES.format(row="f")} ORDER BY f.id"""  # noqa: S608
PASSWORDS_LOST = f"""SELECT f.username FROM ({folded(USERS)}) f LEFT JOIN user_account u ON u.id = f.id
WHERE u.id IS NULL OR u.password_hash IS NULL AND {_HAD_ONE} ORDER BY f.id"""  # noqa: S608


async def lost_secrets(conn: Connection) -> list[str]:
    """Return a sentence for each token and each password that is lost, with the way out; needs ``fold.MERGE``."""
    tokens = [_token(dict(row)) for row in await conn.fetch(TOKENS_LOST)]
    return tokens + [
        f"the password of {row['username']}, if there was one, is lost: set it with"
        f" `storax admin set-password --user {row['username']}`"
        for row in await conn.fetch(PASSWORDS_LOST)
    ]


def _token(row: dict[str, object]) -> str:
    site = f" for the agent of site {row['site_id']}" if row["site_id"] else ""
    return (
        f"token {row['id']} ({row['name']!r}) of {row['username']}{site} has lost its hash, and nobody can use it:"
        f" create another token, then revoke it with `storax token revoke {row['id']}`"
    )
