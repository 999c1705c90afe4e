"""No file and no function is too long to be read at once."""

import re

import reading
from reading import Finding

FILE, FUNCTION = 400, 60
FUNCTION_HEAD = re.compile(r"\bfn +(\w+)[^;{]*\{")
TITLE = re.compile(r"^#+ Larger than the rule$(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)


def excepted(architecture):
    """What ARCHITECTURE.md lets be larger: names of files and functions in ticks, each with its reason."""
    part = TITLE.search(architecture)
    return set(re.findall(r"^- `([^`]+)`", part[1], re.MULTILINE)) if part else set()


def code_lines(code):
    """How many lines are neither blank nor a comment."""
    return sum(1 for line in code.split("\n") if line.strip())


def functions(code):
    """Name, line and length of each function that has a body; `code` has no comments."""
    for head in FUNCTION_HEAD.finditer(code):
        depth, at = 1, head.end()
        while depth and at < len(code):
            depth += {"{": 1, "}": -1}.get(code[at], 0)
            at += 1
        yield head[1], reading.line_of(code, head.start()), code_lines(code[head.start() : at])


def check(sources, exceptions):
    """Findings in Rust sources by name."""
    unused = set(exceptions)
    for name, text in sources.items():
        code = reading.code_alone(text)
        found = [(name, 1, code_lines(code), FILE)] if code_lines(code) > FILE else []
        found += [(what, line, length, FUNCTION) for what, line, length in functions(code) if length > FUNCTION]
        for what, line, length, most in found:
            if what in exceptions:
                unused.discard(what)
            else:
                yield Finding(name, line, f"{what} has {length} lines of code, more than {most}, and ARCHITECTURE.md does not say why")
    for what in sorted(unused):
        yield Finding("ARCHITECTURE.md", 0, f"{what} is no larger than the rule, or is gone")
