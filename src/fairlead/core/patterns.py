"""The one door to RE2, so that another linear engine could take its place.

RE2 has no backtracking: a hostile field cannot stall routing. See docs/policy.md for its syntax.
"""

from __future__ import annotations

from collections.abc import Callable

import re2

MAX_PATTERN = 1_000
MAX_TESTED = 1_000
_MAX_MEMORY = 1 << 20


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Compile to a test that finds the pattern anywhere in the first 1,000 characters of a text.

    Raises ValueError, with RE2's reason, for a pattern that it cannot read or that is too large.
    """
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern has {MAX_PATTERN} characters at most")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MAX_MEMORY
    try:
        compiled = re2.compile(pattern.encode("utf-8"), options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0]
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(error)
        raise ValueError(text) from None

    def found(text: str) -> bool:
        # CRM data may hold lone surrogates, which UTF-8 cannot carry.
        return compiled.search(text[:MAX_TESTED].encode("utf-8", "replace")) is not None

    return found
