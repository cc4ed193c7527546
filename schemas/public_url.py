"""Addresses as outputs and messages name them: without what lets somebody read there.

In: addresses that options name, and texts that hold some. Out: the same without user info and query. Where two inputs
differ in their queries alone (``?id=1``, ``?id=2``) a hash tells them apart, of what is no credential: a file whose
address was signed anew is the same input.

::

    https://user:pw@host/a.csv?id=1&X-Amz-Signature=9f..   named  https://host/a.csv?5c9e1d7a   said  https://host/a.csv
"""

import re
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

_SIGNATURES = frozenset((
    "signature", "sig", "token", "access_token", "auth", "auth_token", "authorization", "api_key", "apikey", "api-key",
    "password", "passwd", "pwd", "secret", "client_secret", "private_token", "jwt", "session", "hmac", "verify",
    "hdnea", "hdnts", "hdntl", "__gda__", "__token__", "download_token", "credential", "q-signature",
))  # fmt: skip
"""Parameters that let somebody in, in small letters: of CloudFront, Google, Azure, Akamai, Cloudflare, GitLab, ..."""

_SIGNED_WITH = frozenset((
    "expires", "expire", "expiry", "expiration", "exp", "policy", "key-pair-id", "awsaccesskeyid", "googleaccessid",
    "ossaccesskeyid", "hash-algorithm", "timestamp", "ts", "nonce",
    "q-ak", "q-key-time", "q-header-list", "q-url-param-list",
    "sv", "ss", "srt", "sp", "se", "st", "spr", "sr", "si", "sip", "sdd", "skoid", "sktid", "skt", "ske", "sks", "skv",
    "saoid", "suoid", "scid",
))  # fmt: skip
"""Parameters that belong to a signature where there is one; the short ones are Azure's."""

_PREFIXES = ("x-amz-", "x-goog-", "x-oss-", "x-cos-", "x-obs-", "x-bce-", "x-ms-", "oauth_", "q-sign-")
"""Of parameters of signatures: Amazon, Google, Alibaba, Tencent, Huawei, Baidu, Microsoft, OAuth."""

_WEB = ("http", "https")
"""Schemes in whose addresses ``?`` begins a query; in others it is part of a name."""

_CHARACTER = r"(?:(?!,[A-Za-z][A-Za-z0-9+.\-]*://)[^\s\"<>']|'(?![\s,;:)\]}]|$))"
"""Of an address in a text: an apostrophe may end it, a comma may part it from the next one."""
_URL = re.compile(rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<rest>{_CHARACTER}*)")
_PORT = re.compile(r":\d*$")


def public_text(text: str) -> str:
    """Return `text` with every address in it without user info, and web addresses without query and fragment."""
    return _URL.sub(_said, text)


def public_values(value: Any) -> Any:
    """Return JSON values whose texts name addresses without secrets, those of different inputs differently."""
    if isinstance(value, str):
        return _URL.sub(_named, value)
    if isinstance(value, dict):
        return {key: public_values(found) for key, found in value.items()}
    return [public_values(found) for found in value] if isinstance(value, list | tuple) else value


def said_values(value: Any) -> Any:
    """Return JSON values with `public_text` of all texts."""
    if isinstance(value, str):
        return public_text(value)
    if isinstance(value, dict):
        return {key: said_values(found) for key, found in value.items()}
    return [said_values(found) for found in value] if isinstance(value, list | tuple) else value


def without_user_info(text: str) -> str:
    """Return `text` whose addresses lack user info, but keep all else."""
    return _URL.sub(_without_user, text) if "@" in text else text


def named_path(path: str) -> str:
    """Return a path, or an address as outputs name it."""
    return str(public_values(path))


def base_name(path: str) -> str:
    """Return the last part of a path, or of an address as outputs name it."""
    named = named_path(path)
    place, mark, query = named.partition("?") if "://" in named else (named, "", "")
    return place.rpartition("/")[2] + mark + query


def has_credentials(path: str) -> bool:
    """Tell whether an address holds user info, or parameters of a signature."""
    return any(
        _without_user(match) != match[0] or _meaningful(_parts(match)[1]) != _parts(match)[1]
        for match in _URL.finditer(path)
    )


def _said(match: re.Match[str]) -> str:
    return _parts(match)[0]


def _named(match: re.Match[str]) -> str:
    place, query = _parts(match)
    left = _meaningful(query)
    mark = f"?{blake2b(left.encode(), digest_size=8, person=b'wit.query.1').hexdigest()}" if left else ""
    return place + mark


def _without_user(match: re.Match[str]) -> str:
    scheme, rest = match["scheme"].lower(), match["rest"]
    authority = re.split("[/?#]" if scheme in _WEB else "/", rest, maxsplit=1)[0]
    behind = rest[len(authority) :]
    user, at, host = authority.rpartition("@")
    if at and (":" in user or scheme in _WEB) and scheme != "github":  # github://owner:repository@branch
        authority = host
    elif not at and "@" in behind and ":" in _PORT.sub("", authority) and not authority.startswith("["):
        authority, behind = "...", ""  # user:p/w@host: no valid address, but somebody's password
    return f"{match['scheme']}://{authority}{behind}"


def _parts(match: re.Match[str]) -> tuple[str, str]:
    """Return (an address without user info and query, its query). Only in the web there are queries."""
    address = _without_user(match)
    if match["scheme"].lower() not in _WEB:
        return address, ""
    place, _, query = address.partition("#")[0].partition("?")
    return place, query


def _meaningful(query: str) -> str:
    """Return a query without the parameters of signatures."""
    pairs = [(unquote(pair.partition("=")[0]).strip().lower(), pair) for pair in query.split("&") if pair]
    names = {name for name, _ in pairs}
    is_signed = any(name in _SIGNATURES or name.startswith(_PREFIXES) for name in names)
    return "&".join(
        pair
        for name, pair in pairs
        if not (name in _SIGNATURES or name.startswith(_PREFIXES) or (is_signed and name in _SIGNED_WITH))
    )
