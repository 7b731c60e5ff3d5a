"""The files beside a policy, by the names it uses; each is read and its mistakes are noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fairlead.core.carets import nearest
from fairlead.core.policy_csv import Grid, read_csv
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_problem import SourceText


@dataclass(frozen=True, slots=True)
class Files:
    """The texts beside the main file, by the names it uses."""

    document: Document
    texts: Mapping[str, str]

    def grid(self, path: Path, name: str) -> Grid | None:
        """Read the CSV that the value at `path` names; problems go to the document."""
        if not is_beside(name):
            message = f"{name!r} must lie beside the policy: a relative path without '..'"
            self.document.report(path, message)
            return None
        if name not in self.texts:
            others = [n for n in self.texts if n != self.document.source.file]
            self.document.report(path, f"there is no file {name!r}", nearest(name, others))
            return None
        grid, problems = read_csv(SourceText(name, self.texts[name].removeprefix("\ufeff")))
        self.document.problems.extend(problems)
        return grid


def is_beside(name: str) -> bool:
    """Whether a file name stays in the policy's folder."""
    return not (name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"))
