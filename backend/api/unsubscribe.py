"""The page behind the link in an email: reading it changes nothing, its one button acts at once. Source: RFC 8058.

Whoever has the link may use it, so nothing of the recipient is shown, and every link that is not good is answered alike.
"""

import hashlib
from base64 import b64encode
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from backend.api.bodies import with_body
from backend.api.security import Wired
from backend.domain.unsubscribe import PATH, Scope
from backend.errors import DatabaseError

router = APIRouter(include_in_schema=False)
"""It is for mail programs and browsers, and no part of what programs are told of."""

MAX_FORM_BYTES: Final = 4 * 1024
_STYLE: Final = """
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 0 auto; padding: 2rem 1.25rem; }
body { color: #222; background: #fff; }
h1 { font-size: 1.5rem; line-height: 1.25; }
label { display: block; padding: .6rem 0; }
input { width: 1.2rem; height: 1.2rem; margin: 0 .6rem 0 0; vertical-align: -.15rem; }
button { font: inherit; font-weight: 600; width: 100%; margin-top: 1rem; padding: .8rem; }
button { border: 0; border-radius: .4rem; color: #fff; background: #1a5fb4; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #161616; } }
"""
_STYLE_SHA256: Final = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_SHA256}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Robots-Tag": "noindex",
}
_ASK: Final = """
<h1>Unsubscribe from what?</h1>
<form method="post">
<label><input type="radio" name="scope" value="all" checked>All emails from us</label>
<label><input type="radio" name="scope" value="campaign">Only this series of emails</label>
<button>Unsubscribe</button>
</form>"""
_DONE: Final = {
    "all": "<h1>You are unsubscribed.</h1>\n<p>You get no more emails from us.",
    "campaign": "<h1>This series has ended.</h1>\n<p>You get no more emails of it.",
}
_STILL: Final = " One that was just leaving may still arrive.</p>"
_NOT_GOOD: Final = """
<h1>This link does not work.</h1>
<p>Perhaps a part of it is missing: open it from the email once more, or answer the email with the word “unsubscribe”.</p>"""

_NOT_NOW: Final = """
<h1>That did not work.</h1>
<p>We could not write your wish down just now. Please go back and press the button again in some minutes.</p>"""

_log = structlog.get_logger()


@router.head(PATH + "{token}")
@router.get(PATH + "{token}")
async def ask(token: str, service: Wired) -> HTMLResponse:
    """Show one button, to whoever follows the link; programs follow links too, so nothing is read or written."""
    return _page(_ASK) if service.links.key_of(token) else _page(_NOT_GOOD, HTTPStatus.NOT_FOUND)


@router.post(PATH + "{token}")
async def unsubscribe(token: str, service: Wired, request: Request) -> HTMLResponse:
    """Unsubscribe from everything, or where the form says so, from the campaign; again and again it is the same.

    Raises:
        BodyTooLarge, BodyIncomplete: nothing was written.
    """
    key = service.links.key_of(token)
    if key is None:
        return _page(_NOT_GOOD, HTTPStatus.NOT_FOUND)
    scope = _scope_of(await (await with_body(request, MAX_FORM_BYTES)).body())
    try:
        found = await service.unsubscribes.act(key, scope)
    except DatabaseError as failure:
        _log.error("request.failed", method=request.method, path=PATH, error=type(failure).__name__)
        return _page(_NOT_NOW, HTTPStatus.SERVICE_UNAVAILABLE)
    return _page(_DONE[scope] + _STILL) if found else _page(_NOT_GOOD, HTTPStatus.NOT_FOUND)


def _scope_of(form: bytes) -> Scope:
    """Only the form's own word narrows it: what a mail program posts, and whatever else comes, means all."""
    chosen = parse_qs(form.decode("latin-1"), max_num_fields=None).get("scope")
    return "campaign" if chosen == ["campaign"] else "all"


def _page(content: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Unsubscribe</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>
<body>{content}
</body></html>
"""
    return HTMLResponse(page, status, _HEADERS)
