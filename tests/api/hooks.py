"""What schemathesis cannot know from the description alone."""

import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """An idempotency key is random, says the description; generated ones repeat themselves with other bodies."""
    headers = case.headers or {}
    given = headers.get("Idempotency-Key")
    if isinstance(given, str) and given.isascii() and given.isprintable() and given.strip():
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
