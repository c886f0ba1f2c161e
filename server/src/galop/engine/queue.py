"""The waiting queue: which sequence gets the next free slot, fair between keys. No clock, no thread.

Theory of operation. Sequences of one API key and one service tier form a flow. Every flow has a
level: the work it has been given so far, divided by the weight of its tier. A free slot goes to the
flow with the lowest level, and within a flow to the sequence that arrived first; that is the Virtual Token
Counter of Sheng et al., "Fairness in Serving Large Language Models" (OSDI 2024). A flow that comes
back from a pause is lifted to the level of those served meanwhile: idling earns no credit.

No flow starves. The level of a flow that waits stays while the levels of those served rise, so its turn comes
after a bounded amount of work of other flows, whatever its tier: tiers are shares of the machine, not ranks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from galop.engine.sequence import Sequence
from galop.protocol.literals import ServiceTier

TIER_WEIGHTS: Mapping[ServiceTier, float] = {"performance": 4.0, "on_demand": 1.0, "flex": 0.25}
"""Shares of the machine, relative to each other, while flows of several tiers wait."""

COMPLETION_TOKEN_COST = 4.0
"""In prompt tokens: prefill is 3 to 7 times as fast as decode on the CPUs we measured."""

FlowName = tuple[str, ServiceTier]
"""API key and service tier."""


@dataclass(slots=True, eq=False)
class _Flow:
    """The sequences of one API key and tier."""

    weight: float
    """Of the tier, from `TIER_WEIGHTS`."""
    settled: float
    """Work of the sequences that have ended, in prompt tokens divided by `weight`."""
    waiting: dict[Sequence, int] = field(default_factory=dict)
    """In order of arrival, with the number of the arrival."""
    running: set[Sequence] = field(default_factory=set)
    """Those that have a slot."""

    @property
    def level(self) -> float:
        """Work given so far, in prompt tokens divided by `weight`."""
        return self.settled + sum(map(_work, self.running)) / self.weight


class WaitingQueue:
    """The sequences that wait for a slot, and the work given to their flows.

    `len` counts those that wait, iteration yields them as they arrived.
    """

    def __init__(self) -> None:
        self._flows: dict[FlowName, _Flow] = {}
        self._num_arrived = 0
        self._floor = 0.0
        """The highest level at which a flow was given a slot."""

    def __len__(self) -> int:
        return sum(len(flow.waiting) for flow in self._flows.values())

    def __iter__(self) -> Iterator[Sequence]:
        arrivals = [item for flow in self._flows.values() for item in flow.waiting.items()]
        arrivals.sort(key=lambda item: item[1])
        return (sequence for sequence, _ in arrivals)

    def __repr__(self) -> str:
        return f"<WaitingQueue {len(self)} waiting, {len(self._flows)} flows>"

    def add(self, sequence: Sequence) -> None:
        """Append the sequence to its flow."""
        name = flow_name(sequence)
        flow = self._flows.get(name)
        if flow is None:
            flow = self._flows[name] = _Flow(TIER_WEIGHTS[name[1]], self._floor)
        elif not flow.waiting:
            flow.settled += max(0.0, self._floor - flow.level)
        flow.waiting[sequence] = self._num_arrived
        self._num_arrived += 1

    def in_turn(self) -> Iterator[Sequence]:
        """The waiting sequences in the order of admission. Call `start` for a sequence that is admitted
        before the next iteration."""
        passed: set[Sequence] = set()
        while True:
            heads = [
                (flow.level, flow.waiting[head], head)
                for flow in self._flows.values()
                if (head := next((each for each in flow.waiting if each not in passed), None))
            ]
            if not heads:
                return
            _, _, sequence = min(heads, key=lambda head: head[:2])
            passed.add(sequence)
            yield sequence

    def start(self, sequence: Sequence) -> None:
        """The sequence has got a slot: its work counts from now on."""
        flow = self._flows[flow_name(sequence)]
        self._floor = max(self._floor, flow.level)
        del flow.waiting[sequence]
        flow.running.add(sequence)

    def end(self, sequence: Sequence) -> None:
        """The sequence has ended, running or waiting."""
        name = flow_name(sequence)
        flow = self._flows[name]
        if sequence in flow.waiting:
            del flow.waiting[sequence]
        else:
            flow.running.remove(sequence)
            flow.settled += _work(sequence) / flow.weight
        self._forget_idle_flows()

    def _forget_idle_flows(self) -> None:
        """Drop idle flows that would be lifted to the floor on their return; all flows when all are idle."""
        idle = {
            name: flow
            for name, flow in self._flows.items()
            if not flow.waiting and not flow.running
        }
        if len(idle) == len(self._flows):
            self._flows.clear()
            self._floor = 0.0
            return
        for name, flow in idle.items():
            if flow.settled <= self._floor:
                del self._flows[name]


def flow_name(sequence: Sequence) -> FlowName:
    """The flow that the sequence belongs to."""
    return sequence.request.key_id, sequence.request.service_tier


def flow_weight(sequence: Sequence) -> float:
    """The weight of the sequence's tier."""
    return TIER_WEIGHTS[sequence.request.service_tier]


def _work(sequence: Sequence) -> float:
    """The cost of a sequence, in prompt tokens. The whole prompt counts as soon as it has a slot."""
    num_computed = sequence.num_prompt_tokens - sequence.num_cached_tokens
    return num_computed + COMPLETION_TOKEN_COST * sequence.num_completion_tokens
