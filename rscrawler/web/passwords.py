"""Passwords of `[web] users`: kept as scrypt hashes alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

# OWASP's choice for scrypt: 32 MiB and about a quarter of a second for each attempt.
_N, _R, _P = 2**15, 8, 3


def hash_password(password: str) -> str:
    """What stands for a password in the configuration: `scrypt$N$R$P$SALT$HASH`."""
    salt = secrets.token_bytes(16)
    digest = _digest(password, salt, _N, _R, _P)
    return f"scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def is_password(password: str, hashed: str | None) -> bool:
    """Whether it is the password that was hashed; for a name that is not known (None) it is not.

    It takes as long either way.
    """
    _, n, r, p, salt, known = (hashed or _NOBODY).split("$")
    digest = _digest(password, b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(digest, b64decode(known)) and hashed is not None


def _digest(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    room = 132 * n * r * p
    return hashlib.scrypt(
        password.encode("utf-8", "replace"), salt=salt, n=n, r=r, p=p, maxmem=room, dklen=32
    )


_NOBODY = f"scrypt${_N}${_R}${_P}${'A' * 22}==${'A' * 43}="
