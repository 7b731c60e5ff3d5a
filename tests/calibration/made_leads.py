"""Leads with known causes, made from a seed: the same bytes on every machine.

Only `Random.random` is used, whose sequence Python promises to keep, and sums of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

Row = dict[str, str]
COUNTRIES = ("DE", "DE", "DE", "US", "US", "FR", "AT", "NO", "NA", "PL")
SOURCES = ("web", "web", "web", "event", "event", "partner", "list")
REASONS = ("no budget", "competitor", "no answer", "wrong person")
PULL = {
    "DE": 0.4, "US": 0.0, "FR": -0.3, "AT": 0.8, "NO": 0.2, "NA": -0.2, "PL": -0.6,
    "web": 0.0, "event": 0.7, "partner": 1.2, "list": -1.0,
}  # fmt: skip
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def bell(random: Random) -> float:
    """Near enough to a normal number with mean 0 and deviation 1."""
    return sum(random.random() for _ in range(12)) - 6


def pick(random: Random, values: tuple[str, ...]) -> str:
    return values[int(random.random() * len(values))]


def chance(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def plain(random: Random, at: float) -> tuple[Row, float]:
    """All that matters is in the columns; 0.9 per standard deviation of visits."""
    visits, country, source = bell(random), pick(random, COUNTRIES), pick(random, SOURCES)
    asked = random.random() < 0.3
    row = {
        "visits": f"{20 + 6 * visits:.1f}", "country": country, "source": source,
        "asked_for_demo": "yes" if asked else "no", "weather": f"{bell(random):.2f}",
    }  # fmt: skip
    return row, -1.2 + 0.9 * visits + PULL[country] + PULL[source] + 1.4 * asked


def gaps(random: Random, at: float) -> tuple[Row, float]:
    """Many cells are empty, and that a phone number is missing tells something by itself."""
    row, odds = plain(random, at)
    size = bell(random)
    row["employees"] = "" if random.random() < 0.35 else str(int(500 + 150 * size))
    callable_ = random.random() < 0.6
    row["rating"] = str(1 + int(random.random() * 5)) if callable_ else ""
    if random.random() < 0.2:
        row["source"] = ""
    return row, odds - 1.1 * (not callable_) + 0.6 * size * (row["employees"] != "")


def rare(random: Random, at: float) -> tuple[Row, float]:
    """One lead in thirty is won."""
    row, odds = plain(random, at)
    return row, odds - 3.2


def drift(random: Random, at: float) -> tuple[Row, float]:
    """What a source is worth changes over the year."""
    row, odds = plain(random, at)
    return row, odds - 1.5 * at * PULL[row["source"]] + 0.4 * at


def junk(random: Random, at: float) -> tuple[Row, float]:
    """Identifiers, free text and dates among the evidence, and many rare words."""
    row, odds = plain(random, at)
    number = int(random.random() * 10**9)
    row |= {
        "email": f"x{number}@acme.example", "lead_id": str(int(at * 10**7)),
        "phone": f"+49{number}", "zip": f"{int(random.random() * 10**5):05}",
        "comment": f"please call {number % 977} about {number % 89} seats",
        "birthday": f"{1960 + number % 40}-0{1 + number % 9}-11", "same": "x",
        "city": f"town {int(120 * random.random() ** 4)}",
    }  # fmt: skip
    return row, odds


def tails(random: Random, at: float) -> tuple[Row, float]:
    """Company sizes over four powers of ten, of which the logarithm matters."""
    row, odds = plain(random, at)
    size = 4 * random.random()
    row["employees"] = str(round(10**size))
    return row, odds + 0.8 * (size - 2)


def noise(random: Random, at: float) -> tuple[Row, float]:
    """Nothing in the columns matters."""
    return plain(random, at)[0], -0.5


KINDS: dict[str, tuple[Callable[[Random, float], tuple[Row, float]], int]] = {
    "plain": (plain, 3000), "gaps": (gaps, 3000), "rare": (rare, 6000), "drift": (drift, 3000),
    "junk": (junk, 3000), "tails": (tails, 3000), "noise": (noise, 3000),
}  # fmt: skip
NUMBERS = ("visits", "weather", "employees", "rating")
WORDS = ("country", "source", "asked_for_demo", "city")
"""What the columns are: the oracle is told, the product has to find out."""


def leads(kind: str, count: int | None = None, seed: int = 7) -> list[Row]:
    """Rows with `created` and `outcome`, shuffled; several leads share an hour."""
    make, usual = KINDS[kind]
    count = count or usual
    random = Random(f"{kind} {seed}")
    rows = []
    for n in range(count):
        at = n / count
        row, odds = make(random, at)
        hour = BEGIN + timedelta(hours=int(at * 2000))
        row["created"] = hour.strftime("%Y-%m-%dT%H:%M:%SZ")
        row["outcome"] = "won" if random.random() < chance(odds) else "lost"
        rows.append(row)
    for last in range(count - 1, 0, -1):
        other = int(random.random() * (last + 1))
        rows[last], rows[other] = rows[other], rows[last]
    return rows


def shown() -> list[Row]:
    """The file of docs/scoring.md: a year of leads as a CRM exports them, with a score of theirs.

    The score counts company size and nothing else, and `lost_reason` is filled in at the end.
    """
    rows = []
    for n, row in enumerate(leads("plain", 900, seed=11)):
        random = Random(f"shown {n}")
        size = int(10 ** (1 + 2.5 * random.random()))
        won = row["outcome"] == "won" and random.random() < 0.8
        open_still = random.random() < 0.08
        lost = "disqualified" if random.random() < 0.3 else "lost"
        rows.append(
            {
                "id": f"{100000 + n * 7919 % 99991}",
                "email": f"lead{n}@acme{n % 640}.example",
                "created": row["created"],
                "country": row["country"],
                "source": row["source"],
                "employees": "" if random.random() < 0.2 else str(size),
                "pages_seen": row["visits"].partition(".")[0],
                "asked_for_demo": row["asked_for_demo"],
                "lead_score": str(round(20 * math.log10(size) + 10 * (row["source"] == "event"))),
                "lost_reason": "" if won or open_still else pick(random, REASONS),
                "status": "" if open_still else "won" if won else lost,
            }
        )
    return rows


def as_csv(rows: list[Row], delimiter: str = ",") -> str:
    """The rows as a file; no cell of theirs needs quotes."""
    lines = [delimiter.join(rows[0]), *(delimiter.join(row.values()) for row in rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_csv(shown()), end="")
