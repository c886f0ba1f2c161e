"""What is still to come of a document."""

from __future__ import annotations

from galop.grammar.costs import Alternative, Costs
from galop.grammar.key_leaf import KeyLeaf
from galop.grammar.leaf import INFINITE
from galop.grammar.number_leaf import NumberLeaf
from galop.grammar.rules import Rule, Symbols, reachable
from galop.grammar.stack import Container, Stack

NUMBER = NumberLeaf("/[0-9]+/", b"0")
KEY = KeyLeaf("/x/", b'"":')


def start(*sequences: Symbols) -> Stack:
    """Of a rule; the costs are bytes."""
    return Stack.start(Costs(reachable(Rule(list(sequences))), len))


def alternative(stack: Stack, index: int) -> Alternative:
    """Of the rule at the top."""
    assert isinstance(stack.top, Rule)
    return stack.alternatives(stack.top)[index]


def replaced(stack: Stack, index: int) -> Stack:
    """The top replaced by one of its alternatives, which is not empty."""
    found = stack.replace(alternative(stack, index))
    assert found is not None
    return found


def popped(stack: Stack) -> Stack:
    """Without the top, which is not the last symbol."""
    found = stack.pop()
    assert found is not None
    return found


def test_symbols_come_in_their_order() -> None:
    """The stack is empty in the end, and costs what is still to come."""
    stack = replaced(start((b"[", NUMBER, b",]")), 0)
    assert (stack.top, stack.cost, stack.cost_after_top) == (b"[", 4, 3)
    stack = popped(stack)
    assert (stack.top, stack.cost, stack.cost_after_top) == (NUMBER, 3, 2)
    stack = popped(stack)
    assert (stack.top, stack.cost, stack.cost_after_top) == (b",]", 2, 0)
    assert stack.pop() is None


def test_the_symbols_of_a_rule_come_before_what_follows_it() -> None:
    """The cost is that of all of them."""
    inner = Rule([(b"aa", b"b"), ()])
    stack = replaced(start((inner, b"z")), 0)
    chosen = replaced(stack, 0)
    assert (chosen.top, chosen.cost, chosen.depth) == (b"aa", 4, 2)
    assert popped(popped(chosen)).top == b"z"
    empty = stack.replace(alternative(stack, 1))
    assert empty is stack.pop()


def test_the_last_rule_of_a_sequence_takes_its_place() -> None:
    """A list of any length does not make the stack grow."""
    loop = Rule(is_loop=True)
    loop.sequences += [(b"x", loop), (b"]",)]
    stack = replaced(start((b"[", loop)), 0)
    for _ in range(10):
        stack = replaced(popped(stack), 0)
    assert stack.top == b"x"
    assert stack.depth == 1


def test_equal_stacks_are_one_object() -> None:
    """Readings that come to the same point are found to be the same."""
    inner = Rule([(b"a",), (b"b",)])
    stack = replaced(start((inner, b"z")), 0)
    assert replaced(stack, 0) is replaced(stack, 0)
    assert replaced(stack, 0) is not replaced(stack, 1)
    assert popped(replaced(stack, 0)) is popped(replaced(stack, 1))


def test_a_name_belongs_to_its_object() -> None:
    """Members that follow know it, the value does not."""
    value = Rule([(b"{", KEY, b"}")])
    members = Rule(is_loop=True)
    members.sequences += [(KEY, value, members), (b"}",)]
    stack = replaced(replaced(start((members,)), 0), 0).pop_key(b"a")
    assert stack is not None
    assert stack.names == {b"a"}
    assert replaced(stack, 0).names == frozenset()
    second = replaced(popped(stack), 0)
    assert second.names == {b"a"}
    after = second.pop_key(b"b")
    assert after is not None
    assert after.names == {b"a", b"b"}
    assert stack.names == {b"a"}


def test_turns_are_counted_within_one_list() -> None:
    """After the last one only the end is left."""
    loop = Rule(is_loop=True, max_turns=2)
    loop.sequences += [(b"x", loop), (b"]",)]
    stack = popped(replaced(start((b"[", loop)), 0))
    assert (stack.container, len(stack.alternatives(loop))) == (Container(), 2)
    stack = popped(replaced(stack, 0))
    assert stack.container == Container(frozenset(), loop, 1)
    assert len(stack.alternatives(loop)) == 2
    stack = popped(replaced(stack, 0))
    assert stack.container == Container(frozenset(), loop, 2)
    assert len(stack.alternatives(loop)) == 1
    assert stack.choice(loop).branches(ord("x")).literals == ()
    end = replaced(stack, 0)
    assert (end.top, end.container) == (b"]", Container())


def test_what_cannot_be_ended_has_an_infinite_cost() -> None:
    """Until it is behind."""
    unknown = NumberLeaf("/[0-9]+/", None)
    stack = replaced(start((unknown, b"]]")), 0)
    assert stack.cost >= INFINITE
    assert stack.cost_after_top == 2
    assert popped(stack).cost == 2
