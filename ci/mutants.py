#!/usr/bin/python3
"""Mutants of C++ sources: small wrong changes, all of them in one text, each switched on by its number.

`mutate(text, first)` returns the text with `mutation::is(N)` at each place, and a list of mutants. Nothing but insertions within a line is
made, so that lines keep their numbers. Statements are found by the shape of the code that .clang-format leaves, not by a compiler: what
does not compile is given up by who builds it (mutate.py).

Operators   drop       a statement with a side effect is left out
            swap       two neighbouring statements change places
            negate     a condition, or what a predicate returns, is the opposite
            forget     one operand of && or || does not count
            relax      an acquire or release order is relaxed
            unlock     a lock is let go as soon as it is taken
            shorten    a loop ends one turn early
            plus-one   a 1 that is added or subtracted is 0
            wake-one   one waiter is woken and not all
"""

import re
from dataclasses import dataclass

KEYWORDS = {"return", "break", "continue", "goto", "using", "static_assert", "constexpr", "delete", "throw", "static", "const",
            "auto", "extern", "typedef", "template", "friend", "case", "default", "unsigned", "signed", "int", "bool", "char"}
# What the model does beside the protocol: checks, and notes for reports and coverage.
BESIDE = re.compile(r"(arch::(fail|near_miss|oracle|touch|stopwatch)\b|check_\w+\(|[\w.()>-]*(\.|->)(ledger|waiting|check)\w*\b)")
# The protocol's own switches have bugs of their own: the museum.
SWITCH = re.compile(r"!?[\w.]*(\brules\.\w+ [=!]= [\w:]+|\bmodelled\(\))")
ASSIGNMENT = re.compile(r"\s*(=(?!=)|\*=|\+=|-=|\|=|&=|\^=|<<=|>>=)")
DEFINITION = """#include <cstdlib>
namespace mutation {
inline const int active = [] { const char* text = std::getenv("DAXTORTURE_MUTANT"); return text ? std::atoi(text) : 0; }();
inline bool is(int number) { return number == active; }
}
"""


@dataclass
class Mutant:
    number: int
    operator: str
    line: int
    function: str
    text: str


def masked(text):
    """The same text with blanks for comments, strings, characters and preprocessor lines."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<!\d)\'(?:\\.|[^\'\\\n])*\'|^[ ]*#[^\n]*(?:\\\n[^\n]*)*', blank, text,
                  flags=re.S | re.M)


def closing(code, at):
    """Where the bracket at `at` is closed."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    depth = 0
    for i in range(at, len(code)):
        if code[i] in pairs:
            depth += 1
        elif code[i] in pairs.values():
            depth -= 1
            if depth == 0:
                return i
    raise ValueError("unbalanced")


def top_level(code, begin, end, operator):
    """Where an operator stands outside brackets."""
    places, i = [], begin
    while i < end:
        if code[i] in "({[":
            i = closing(code, i)
        elif code.startswith(operator, i):
            places.append(i)
            i += len(operator) - 1
        i += 1
    return places


class Mutator:
    def __init__(self, text, first):
        self.text, self.code = text, masked(text)
        self.next = first
        self.mutants, self.edits = [], []
        self.function = ""

    def add(self, operator, begin, end, before, after):
        """`before` and `after` go around a place; # in them is the number of the mutant."""
        if SWITCH.fullmatch(self.text[begin:end].strip()):
            return
        shown = " ".join(self.text[begin:end].split())
        line = self.text.count("\n", 0, begin) + 1
        self.mutants.append(Mutant(self.next, operator, line, self.function, shown))
        number = str(self.next)
        self.edits.append((begin, end, before.replace("#", number), after.replace("#", number), self.next))
        self.next += 1

    # ---- finding functions

    def run(self):
        self.scope(0, len(self.code))
        return self

    def scope(self, at, end):
        """A file, a namespace or a class."""
        since = at
        while at < end:
            c = self.code[at]
            if c == ";":
                since = at + 1
            elif c in "([":
                at = closing(self.code, at)
            elif c == "{":
                close = closing(self.code, at)
                head = " ".join(self.code[since:at].split())
                if re.search(r"\bnamespace\b", head) or re.match(r"(template <.*> )?(struct|class|union)\b", head):
                    self.scope(at + 1, close)
                elif self.is_function(head):
                    self.body(head, at)
                if not re.search(r"\) (const )?(noexcept )?: .*\w$", head):  # a member's initial value in braces: the head goes on
                    since = close + 1
                at = close
            at += 1

    @staticmethod
    def is_function(head):
        return "(" in head and not re.match(r".*(\benum\b|=$|\boperator\b)", head) and "constexpr" not in head \
            and not re.search(r"\) (const )?(noexcept )?: .*\w$", head)

    def body(self, head, at):
        self.function = re.match(r"[^(]*?([\w:~]+)\(", head).group(1)
        if re.match(r"(\w+::)*(check|describe|peek|show|note)_?", self.function):
            return
        self.returns_bool = re.match(r"(static |inline |\[\[nodiscard\]\] )*bool ", head) is not None
        self.block(at)

    # ---- statements

    def skip(self, at):
        while self.code[at].isspace() or self.code.startswith("[[", at):
            at = closing(self.code, at) + 1 if self.code[at] == "[" else at + 1
        return at

    def block(self, at):
        """Returns what follows the block."""
        end, before = closing(self.code, at), None
        at = self.skip(at + 1)
        while at < end:
            begin, (at, is_action) = at, self.statement(at)
            if is_action and before is not None:
                self.swap(before, (begin, at))
                before = None
            else:
                before = (begin, at) if is_action else None
            at = self.skip(at)
        return end + 1

    def word(self, at):
        found = re.compile(r"[A-Za-z_]\w*").match(self.code, at)
        return found.group() if found else ""

    def statement(self, at):
        """Returns what follows it, and whether it may change places."""
        word = self.word(at)
        if self.code[at] == "{":
            return self.block(at), False
        if word in ("if", "while", "for", "switch"):
            return self.controlled(word, at), False
        if word == "do":
            at = self.skip(self.statement(self.skip(at + 2))[0])
            return self.code.index(";", closing(self.code, self.code.index("(", at))) + 1, False
        if word in ("case", "default"):
            return self.after_label(at), False
        end = self.end_of_statement(at)
        if word == "return":
            self.returned(at + len("return"), end)
        elif re.compile(r"arch::guard(<[^;]*?>)? (\w+)[({]").match(self.code, at):
            self.guard(at, end)
        elif self.is_action(at, end):
            self.add("drop", at, end + 1, "{ if (!mutation::is(#)) ", " }")
            self.expression(at, end)
            return end + 1, True
        else:
            self.expression(at, end)
        return end + 1, False

    def after_label(self, at):
        while self.code[at] != ":" or self.code[at + 1] == ":" or self.code[at - 1] == ":":
            at += 1
        return at + 1

    def end_of_statement(self, at):
        while self.code[at] != ";":
            at = closing(self.code, at) + 1 if self.code[at] in "({[" else at + 1
        return at

    def is_action(self, at, end):
        """A call or an assignment, and no declaration."""
        if self.word(at) in KEYWORDS or BESIDE.match(self.code, at):
            return False
        if self.code.startswith(("++", "--"), at):
            return True
        i = at + 1 if self.code[at] in "*(" else at
        called = False
        while i < end:
            found = re.compile(r"(\w+|::|\.|->)").match(self.code, i)
            if found:
                i, called = found.end(), False
            elif self.code[i] in "([{":
                called = self.code[i] == "("
                i = closing(self.code, i) + 1
            else:
                break
        return i == end and called or ASSIGNMENT.match(self.code, i) is not None or self.code.startswith(("++", "--"), i)

    def swap(self, first, second):
        """The second is done before the first, and not where it stands."""
        copy = self.text[second[0]:second[1]]
        if "//" in copy or BESIDE.search(self.text[first[0]:first[1]] + copy):
            return
        copy = " ".join(copy.split())
        self.add("swap", first[0], second[1], "if (mutation::is(#)) { " + copy.replace("#", "") + " } ", "")
        self.edits.append((*second, f"{{ if (!mutation::is({self.next - 1})) ", " }", self.next - 1))

    def guard(self, at, end):
        name = re.compile(r"arch::guard(<[^;]*?>)? (\w+)").match(self.code, at).group(2)
        scope_end = self.end_of_scope(end)
        if not re.search(r"\b" + name + r"\b", self.code[end:scope_end]):  # else somebody else lets it go, too
            self.add("unlock", at, end + 1, "", f" if (mutation::is(#)) {name}.unlock();")

    def end_of_scope(self, at):
        while self.code[at] != "}":
            at = closing(self.code, at) + 1 if self.code[at] in "({[" else at + 1
        return at

    def controlled(self, word, at):
        opened = self.code.index("(", at)
        closed = closing(self.code, opened)
        is_check = self.guards_a_check(closed + 1)
        if word == "for":
            self.loop(opened + 1, closed)
        elif word != "switch" and "constexpr" not in self.code[at:opened] and not is_check:
            self.condition(opened + 1, closed)
        body = self.skip(closed + 1)
        at = self.statement(body)[0] if not is_check else self.past(body)
        following = self.skip(at)
        if word == "if" and self.word(following) == "else":
            return self.statement(self.skip(following + len("else")))[0]
        return at

    def past(self, at):
        return closing(self.code, at) + 1 if self.code[at] == "{" else self.end_of_statement(at) + 1

    def guards_a_check(self, at):
        at = self.skip(at)
        return BESIDE.match(self.code, self.skip(at + 1) if self.code[at] == "{" else at) is not None

    def loop(self, begin, end):
        parts = top_level(self.code, begin, end, ";")
        if len(parts) != 2:
            return
        test = self.text[parts[0] + 1:parts[1]].strip()
        bound = re.fullmatch(r"(\w+) (<|!=) ([^&|?]+)", test)
        if bound and bound[3] in ("0", "nullptr"):
            bound = None
        if bound and "\n" not in test:
            self.add("shorten", self.skip(parts[0] + 1), parts[1], "(", f") && !(mutation::is(#) && {bound[1]} + 1 == ({bound[3]}))")
        self.expression(begin, end)

    # ---- expressions

    def condition(self, begin, end):
        text = self.code[begin:end]
        if ";" in text or re.match(r"\s*(const |auto|[\w:<>]+[*&]+ ?\w+ = |[\w:]+ \w+ =)", text):
            return
        self.add("negate", begin, end, "mutation::is(#) != static_cast<bool>(", ")")
        self.operands(begin, end)
        self.expression(begin, end)

    def returned(self, begin, end):
        if self.returns_bool and self.code[begin:end].strip():
            begin = self.skip(begin)
            self.add("negate", begin, end, "mutation::is(#) != static_cast<bool>(", ")")
            self.operands(begin, end)
        self.expression(begin, end)

    def operands(self, begin, end):
        either, both = top_level(self.code, begin, end, "||"), top_level(self.code, begin, end, "&&")
        places, before = (either, "(!mutation::is(#) && (") if either else (both, "(mutation::is(#) || (")
        if not places or top_level(self.code, begin, end, "?"):
            return
        starts, ends = [begin] + [p + 2 for p in places], places + [end]
        for first, last in zip(starts, ends):
            first = self.skip(first)
            last = first + len(self.code[first:last].rstrip())
            self.add("forget", first, last, before, "))")

    def expression(self, begin, end):
        for found in re.compile(r"\b(arch::)?order::(acquire|release|acq_rel|seq_cst)\b").finditer(self.code, begin, end):
            self.add("relax", *found.span(), "(mutation::is(#) ? arch::order::relaxed : ", ")")
        for found in re.compile(r"(?<=[\w)\]] [+-] )1(?![\w.'])").finditer(self.code, begin, end):
            self.add("plus-one", *found.span(), "(", " - mutation::is(#))")
        for found in re.compile(r"(?<![=!?:] )\bwake_mode::all\b").finditer(self.code, begin, end):
            self.add("wake-one", *found.span(), "(mutation::is(#) ? wake_mode::next : ", ")")

    # ---- the result

    def result(self, without):
        """The text with all mutants but some, by number."""
        pieces = []
        for begin, end, before, after, number in self.edits:
            if number not in without:
                pieces.append((begin, 1, -(end - begin), before))
                pieces.append((end, 0, end - begin, after))
        text, out = self.text, []
        at = 0
        for place, _, _, piece in sorted(pieces, key=lambda one: one[:3]):
            out += [text[at:place], piece]
            at = place
        return "".join(out) + text[at:]


def mutate(text, first):
    """A Mutator that has found all places; mutants are numbered from `first`."""
    return Mutator(text, first).run()
