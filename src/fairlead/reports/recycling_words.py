"""A policy's second chances in plain words, for the page that `reports.policy_docs` makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairlead.core.condition_words import duration_words, in_words
from fairlead.core.recycling_terms import Recycling, Track

HEADER = ("reason", "if", "meanwhile", "comes back", "to")


def recycling_facts(terms: Recycling) -> Iterator[str]:
    """What holds for all tracks, a sentence each."""
    yield (
        f"Nobody goes round more than {terms.max_cycles} times; after that it is the end. Nothing"
        f" comes back within {duration_words(terms.cool_down)}."
    )
    if terms.cap is not None:
        yield (
            f"Nor while the person was contacted {terms.cap.at_most} times within"
            f" {duration_words(terms.cap.within)}, over all channels."
        )
    for out in terms.disqualified:
        yield f"At its end, {out.reason}: {in_words(out.when.text)}."


def track_row(track: Track) -> tuple[str, ...]:
    """One line of the table of tracks."""
    meanwhile = [f"{field} = {value}" for field, value in _values(track.set)]
    meanwhile += [f"in {group} of {crm}" for crm, group in track.join.items()]
    if track.queue is not None:
        meanwhile.append(f"owned by queue {track.queue}")
    back = [] if track.until is None else [f"on the date in {track.until}"]
    if track.after is not None:
        back.append(f"after {duration_words(track.after)}")
    if track.reenter_when is not None:
        back.append(f"when {in_words(track.reenter_when.text)}")
    opened = [f"{field} = {value}" for field, value in _values(track.set_back)]
    to = "by the rules" if track.team is None else f"team {track.team}"
    to += f", with {', '.join(opened)}" if opened else ""
    return (
        track.name,
        in_words(track.when.text),
        "; ".join(meanwhile) or "–",
        "; or ".join(back),
        f"{to}; never to a former owner while anybody else can take it",
    )


def _values(by_crm: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    return [
        (f"{crm} {field}", value or "nothing")
        for crm, values in by_crm.items()
        for field, value in values.items()
    ]
