"""Results of the accuracy benchmark by set: means over seeds, parts pooled.

Sets that are parts of one (`Benchmark.pooled`) are also counted together, each series
alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cases import Benchmark
from benchmarks.results import Record
from benchmarks.sets import SETS


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured on one set, or on the parts of a pooled one."""

    name: str
    spec: Benchmark
    records: list[Record]

    @property
    def measure(self) -> str:
        """What methods are ranked by."""
        return self.spec.measures[0]

    @property
    def methods(self) -> list[str]:
        """Every method that has scores, in the order of the records."""
        scored = [one["method"] for one in self.records if "scores" in one]
        return list(dict.fromkeys(scored))

    def of(self, method: str) -> list[Record]:
        """The records of a method that have scores."""
        found = [one for one in self.records if one["method"] == method]
        return [one for one in found if "scores" in one]

    def mean(self, method: str, measure: str, part: str = "scores") -> float:
        """A score over all seeds and parts; each series counts the same."""
        return _mean(self.of(method), measure, part)

    def seeds(self, method: str) -> list[float]:
        """The score of each seed."""
        found = self.of(method)
        seeds = sorted({one["seed"] for one in found})
        return [
            _mean([one for one in found if one["seed"] == seed], self.measure, "scores")
            for seed in seeds
        ]

    def best(self, *starts: str) -> tuple[str, float]:
        """The best method whose name begins so, and its score."""
        some = [one for one in self.methods if one.startswith(starts)]
        if not some:
            return "", float("nan")
        return min(((one, self.mean(one, self.measure)) for one in some), key=_second)


def _mean(records: list[Record], measure: str, part: str) -> float:
    """The mean of one score, weighted by series; of coverage by points."""
    if not all(measure in one.get(part, {}) for one in records) or not records:
        return float("nan")
    weight = "points" if measure.startswith("coverage") else "series"
    total = sum(one[part][measure] * one[weight] for one in records)
    return float(total / sum(one[weight] for one in records))


def _second(pair: tuple[str, float]) -> float:
    return pair[1]


def sets_of(records: Sequence[Record]) -> list[Found]:
    """The results by set, in the order of `SETS`, pooled sets after their parts."""
    found = []
    for name, spec in SETS.items():
        own = [one for one in records if one["set"] == name]
        found += [Found(name, spec, own)] if own else []
    for pooled in dict.fromkeys(spec.pooled for spec in SETS.values() if spec.pooled):
        parts = [one for one in found if one.spec.pooled == pooled]
        if sum(spec.pooled == pooled for spec in SETS.values()) == len(parts):
            found.append(_together(pooled, parts))
    return found


def _together(name: str, parts: list[Found]) -> Found:
    """Parts of a pooled set as one; a bar is called by its season's rank in each."""
    records = []
    for part in parts:
        ranks = {f"SeasonalNaive {m}": k for k, m in enumerate(part.spec.seasons)}
        for one in part.records:
            method = one["method"]
            if method in ranks:
                method = f"SeasonalNaive, season {ranks[method] + 1}"
            records.append({**one, "method": method})
    return Found(name, parts[0].spec, records)
