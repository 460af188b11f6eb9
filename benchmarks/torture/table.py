"""The results for people: one row a scenario, what is wrong below it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.torture.oracle import Verdict

COLUMNS = (
    "written", "stored", "missing", "duplicated", "corrupted", "invented", "fragments", "out_of_order", "mislabelled",
    "letters",
    "unread",
)  # fmt: skip
HEADS = ("written", "stored", "miss", "dup", "corr", "inv", "frag", "order", "label", "dead", "unread")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a scenario ended."""

    name: str
    says: str
    seed: str
    verdict: Verdict
    lives: int
    """How often the agent was started."""
    memory: int
    """Most bytes it took, as far as seen."""
    struck: Mapping[str, int]
    """Failures of Loki by kind."""
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return self.verdict.proven


def heading() -> str:
    """The head of the table."""
    return f"{'scenario':<21}" + "".join(f"{head:>9}" for head in HEADS) + f"{'lives':>7}{'MiB':>5}{'s':>5}"


def row(result: Result) -> str:
    """One row, and below it what is wrong."""
    numbers = "".join(f"{getattr(result.verdict, column):>9}" for column in COLUMNS)
    end = f"{result.lives:>7}{result.memory >> 20:>5}{result.seconds:>5.0f}"
    mark = "" if result.passed else "   FAILED"
    remarks = "".join(f"\n    {remark}" for remark in result.verdict.remarks)
    again = "" if result.passed else f"\n    again: python -m benchmarks.torture {result.name} --seed {result.seed}"
    return f"{result.name:<21}{numbers}{end}{mark}{remarks}{again}"


def document(results: list[Result]) -> dict[str, object]:
    """The same for programs."""
    return {
        "passed": all(result.passed for result in results),
        "scenarios": [
            {
                "name": result.name,
                "says": result.says,
                "seed": result.seed,
                "passed": result.passed,
                **{column: getattr(result.verdict, column) for column in (*COLUMNS, "unexplained")},
                "remarks": result.verdict.remarks,
                "lives": result.lives,
                "memory_bytes": result.memory,
                "failures_of_loki": dict(result.struck),
                "seconds": round(result.seconds, 1),
            }
            for result in results
        ],
    }
