"""Two machines that everybody knows, to try the explorer on: a mutual exclusion and a deadlock."""

from __future__ import annotations

from acpool_model.composition import Composition, Edge, Predicate, Process, Values

NOBODY = -1


def peterson(processes: int) -> Composition:
    """Mutual exclusion of any number of processes (Peterson, Myths about the mutual exclusion problem, IPL 12, 1981).

    A process climbs through ``processes`` - 1 levels. At each it says where it is, then that it is the last to come there;
    and it waits until another one has come after it, or all others are below.
    """
    everybody = range(processes)
    levels = range(1, processes)
    variables: dict[str, tuple[int, ...]] = {
        **{f"level {process}": (0, *levels) for process in everybody},
        **{f"last at {level}": (NOBODY, *everybody) for level in levels},
    }
    return Composition([_climber(me, processes) for me in everybody], variables)


def _climber(me: int, processes: int) -> Process:
    levels = range(1, processes)
    mine, others = f"level {me}", tuple(f"level {other}" for other in range(processes) if other != me)
    edges = [Edge("idle", f"{me} tries", ("rising", 1))]
    for level in levels:
        last = f"last at {level}"
        above = ("rising", level + 1) if level + 1 < processes else "critical"

        def rise(*, level: int = level) -> Values:
            return (level,)

        def come() -> Values:
            return (me,)

        def proceed(came: int, *found: int, level: int = level) -> Values | None:
            return () if came != me or all(other < level for other in found) else None

        edges += [
            Edge(("rising", level), f"{me} is at {level}", ("coming", level), (), (mine,), rise),
            Edge(("coming", level), f"{me} came to {level} last", ("waiting", level), (), (last,), come),
            Edge(("waiting", level), f"{me} leaves {level}", above, (last, *others), (), proceed),
        ]
    edges.append(Edge("critical", f"{me} leaves", "idle", (), (mine,), lambda: (0,)))
    return Process(f"process {me}", tuple(edges))


def exclusive(processes: int) -> Predicate:
    """At most one of the processes of ``peterson`` is in its critical section."""
    names = tuple(f"process {process}" for process in range(processes))
    return Predicate(names, _at_most_one_critical)


def _at_most_one_critical(*places: object) -> bool:
    return places.count("critical") <= 1


def philosophers(number: int, *, left_handed: int = 0) -> Composition:
    """Philosophers around a table who take one fork, then the other, eat, and put both down (Dijkstra, EWD 310, 1971).

    They begin with the fork to their right, the last ``left_handed`` of them with that to their left.
    """
    forks = [f"fork {place}" for place in range(number)]
    table: list[Process] = []
    for me in range(number):
        first, second = forks[me], forks[(me + 1) % number]
        if me >= number - left_handed:
            first, second = second, first
        edges = (
            Edge("thinks", f"{me} takes {first}", "hungry", (first,), (first,), _take),
            Edge("hungry", f"{me} takes {second}", "has both", (second,), (second,), _take),
            Edge("has both", f"{me} eats", "has eaten"),
            Edge("has eaten", f"{me} puts both down", "thinks", (), (first, second), _put_down),
        )
        table.append(Process(f"philosopher {me}", edges))
    return Composition(table, dict.fromkeys(forks, ("free", "taken")))


def _take(fork: str) -> Values | None:
    return ("taken",) if fork == "free" else None


def _put_down() -> Values:
    return ("free", "free")


def taking_turns(number: int) -> dict[str, Predicate]:
    """No two neighbours have both forks: a property for each pair of them."""
    table = [f"philosopher {me}" for me in range(number)]
    pairs = {f"{me} and {me + 1}": (table[me], table[(me + 1) % number]) for me in range(number)}
    return {name: Predicate(pair, _not_both) for name, pair in pairs.items()}


def _not_both(one: str, other: str) -> bool:
    return not (one.startswith("has") and other.startswith("has"))
