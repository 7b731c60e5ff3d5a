"""Pointing at a mistake: the line of the source, a caret line under it, and the nearest word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_WIDTH = 100


def caret_lines(line: str, column: int, length: int) -> str:
    """Draw `line` with carets under `length` characters from `column` (from 1).

    A long line is cut to a window around the place. Tabs become single spaces so that the carets
    stay below what they mean.
    """
    line = "".join(c if c.isprintable() else " " for c in line)
    start = min(max(column - 1, 0), len(line))
    cut = max(0, start - _WIDTH // 2) if len(line) > _WIDTH else 0
    shown = line[cut : cut + _WIDTH]
    width = max(1, min(length, cut + len(shown) - start))
    lead, tail = ("… " if cut else ""), ("…" if cut + _WIDTH < len(line) else "")
    return f"{lead}{shown}{tail}\n{' ' * (len(lead) + start - cut)}{'^' * width}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, if any is near enough."""
    if len(word) > 100:
        return None
    by_fold = {k.casefold(): k for k in sorted(known, reverse=True)}
    folded = word.casefold()
    if folded in by_fold:
        return by_fold[folded]
    if "@" in folded:
        # Colleagues share a domain: only what stands before it tells them apart.
        by_fold = {k.partition("@")[0]: by_fold[k] for k in by_fold if "@" in k}
        folded = folded.partition("@")[0]
    close = difflib.get_close_matches(folded, by_fold, n=1, cutoff=0.66)
    if close:
        return by_fold[close[0]]
    # People write lead.country or territories.team where the name has no, or another, prefix.
    tails = [k for k in sorted(by_fold) if k.rpartition(".")[2] == folded.rpartition(".")[2]]
    return by_fold[tails[0]] if len(tails) == 1 else None
