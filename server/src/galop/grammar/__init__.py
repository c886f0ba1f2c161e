"""The grammar room: what may come next in a document, and how it ends within a budget.

Other rooms use `factory.GrammarFactory` (the engine's constraints), the two functions of `tokenizer`
that it is built from, `compiled_schema.compile_schema` and `text.DocumentText` (documents as text).
They import them from their modules: the server process must not load llguidance before it needs it.

Theory of operation
===================

The promise: every answer is a whole, valid document, whatever the model wants and wherever the
budget of tokens ends. Two machines keep it. llguidance says which tokens the grammar allows. A
pushdown automaton of our own runs beside it and says what it costs to end the document from here.

**From a schema to rules.** `schema` reads a JSON Schema into an IR (`schema_ir`): one node per kind of
value, without references or combinations. `lowering` turns the IR into `rules`: a context-free grammar
whose symbols are literal texts, leaves (a string, a number, the key of an undeclared member: what a
regular expression describes) and other rules. It writes every object and array in four styles of
whitespace; the first structural bytes of a document decide which one it follows. `calls` puts the
syntax of function calls around the rules of their arguments, and has the rules of JSON mode: an object
with any members.

**Exact and checked.** Where the rules say all that the schema says, the schema is exact. Where they
allow more (`not`, `if`, `uniqueItems`, counts of optional members, most formats), documents are
checked: jsonschema-rs validates the text of the document together with an ending of it.
`is_exact` travels from the reader to the constraint. The rules are narrower than the schema in
what a model is not meant to choose: members come in the order of the schema, whitespace follows one
of the styles, and keywords of one type without `type` mean that type.

**From rules to masks.** `lark` writes the rules in llguidance's dialect of Lark; `matcher` holds the
compiled grammar of one sequence. Leaves that only llguidance can read (patterns, formats, bounds)
are compiled once more by themselves, with a vocabulary of bytes (`lexemes`), so that they can be
asked for a short text and for the end of a text that has begun (`search`).

**The automaton.** `ParserState` is a set of configurations, because a text may be read in several
ways for a while (a nondeterministic automaton). A configuration is a stack and a state:

- the *stack* holds the symbols that are still to come. Stacks are immutable linked lists, so all
  readings share their lower parts. A node is the rest of one alternative of a rule; it also knows the
  names that its object has and the turns of its counted loop;
- the *state* says where in the symbol at the top the text is. Literals and each kind of leaf have
  states of their own, with three questions: `step` (what belongs to you?), `cost` and `completions`
  (how can you be ended?). Alternatives that begin with the same literal bytes are one state until
  the bytes differ (`InChoice`).

`advance` takes the bytes of a token: a literal or a leaf at the top takes what belongs to it and is
popped when it is complete; a rule at the top is replaced by those of its alternatives that can begin
with the next byte. The automaton trusts llguidance with everything inside of a leaf. It refuses only
what llguidance cannot see: a name twice in one object, and numbers too long for parsers.

**Costs.** `costs` computes once per grammar and vocabulary the least number of tokens of every rule
and of every rest of an alternative. A node of a stack adds the cost of the node below it, so the
cost of ending a document is known in constant time after every step: the rest of the state plus
the stack. A cost is an upper bound. It adds up literals, each in its own tokens, and a few letters
for names that must be new.

**Endings.** `endings` turns the bound into texts: a best-first search over stacks, with the costs as
its estimate. It yields many, the cheapest first, since the cheapest may fail a check.

**The constraint.** `document` takes a token if llguidance allows it and an ending is known to fit into
the tokens that are left. If the schema is exact, the cost proves it. If it is checked, an ending is
looked for, validated together with the text before it, and held, whatever the budget; while the held
ending still fits, no other is looked for. When the budget is used up, or no token can be proven safe,
the held ending is written. The smallest document is known before the first token: a budget that cannot
hold it is refused at once. `triggered` puts free text before a document (reasoning, text before a
call), `factory` makes all constraints and keeps what is compiled.

=====================  ====================================================================
`schema`, `schema_ir`      JSON Schema to IR, and the IR; `patterns`: names of properties
`lowering`             IR to rules
`rules`, `lark`        the grammar as data, and as text for llguidance
`compiled_schema`      all of a schema: rules, Lark, check
`leaf`, `*_leaf`       leaves and their states; `characters`: the text of JSON strings
`lexemes`, `search`    leaves that llguidance compiles; `examples`: texts of patterns
`costs`, `stack`       what symbols cost, what is still to come
`configuration`        one reading of a text
`parser_state`         all of them; `endings`: how they end
`matcher`              llguidance's matcher
`document`             one document within a budget
`calls`, `triggered`   function calls and JSON mode, free text before a document
`factory`, `text`      constraints for the engine, documents as text for the server
`tokenizer`            llguidance's view of a vocabulary; `vocabulary`: the bytes of tokens
`validation`           jsonschema-rs as it is used here
=====================  ====================================================================
"""
