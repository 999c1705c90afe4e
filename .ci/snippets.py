"""Code that is shown is compiled, or says why not."""

import os
import re

import reading
from reading import Finding

MARK = re.compile(r"<!-- not compiled: \S.*-->\s*$")
# What needs no compiler.
PLAIN = ("text", "sh", "toml")
INCLUDED = re.compile(r"include_str!\(\"([^\"]+)\"\)")
# The pages of the book are made by build.rs.
PAGE = re.compile(r"^\s*\w+ = \"(\w+)\",$", re.MULTILINE)
BOOK = "src/guide.rs"
# A page of `cargo doc` scrolls sideways beyond this.
WIDTH = 100


def included(sources):
    """The files in Markdown that are documentation of some of these sources, so that doctests compile their snippets."""
    names = set()
    for name, text in sources.items():
        if "doc" in text:
            names |= {os.path.normpath(os.path.join(os.path.dirname(name), path)) for path in INCLUDED.findall(text)}
    pages = [*PAGE.findall(sources.get(BOOK, "")), "README"]
    found = (f"{at}{page}.md" for page in pages for at in ("", "docs/", "docs/guide/") if BOOK in sources)
    return names | {name for name in found if name != "README.md"}


def check(texts, sources):
    """Findings in texts in Markdown by name, which are compiled if they are documentation of the sources."""
    compiled = included(sources)
    for name, text in texts.items():
        lines = text.split("\n")
        prose, blocks = reading.split(text)
        for block in blocks:
            if (wrong := fault(block.info, name in compiled)) and not is_marked(lines, block.line):
                yield Finding(name, block.line, wrong)
            yield from too_wide(name, block)
        for line in list(reading.indented(prose))[:1]:
            yield Finding(name, line, "code that is indented says no language: a fence does")
        for number, line in enumerate(prose.split("\n"), 1):
            if line.startswith("+ "):
                yield Finding(name, number, "a sum that wraps here becomes a list; lists have a dash")


def too_wide(name, block):
    """Lines of Rust on a page of the book that a reader would have to scroll to."""
    if name.startswith("docs/guide/") and block.info.startswith("rust"):
        for number, line in enumerate(block.code.split("\n"), block.line + 1):
            if len(line) > WIDTH:
                yield Finding(name, number, f"a line of {len(line)} columns, {WIDTH} fit on the page")


def fault(info, is_compiled):
    """What is wrong with a block in Markdown that has no mark, if anything."""
    language, *attributes = re.split(r"[,\s]+", info)
    if not language:
        return "a block without a language"
    if language in PLAIN:
        return None
    if language != "rust":
        return f"{language} is not compiled, and no line says why: <!-- not compiled: … -->"
    if skipped := {"ignore", "no_run"} & set(attributes):
        return f"{', '.join(skipped)} without a line that says why: <!-- not compiled: … -->"
    return None if is_compiled else "no documentation includes this file, so that nothing compiles the block"


def check_comments(sources):
    """Findings in the documentation that stands in sources."""
    for name, text in sources.items():
        says = reading.comments(text)
        for block in reading.split(says)[1]:
            skipped = {"ignore", "no_run"} & set(re.split(r"[,\s]+", block.info))
            if skipped and not is_marked(says.split("\n"), block.line):
                yield Finding(name, block.line, f"{', '.join(skipped)} without a line that says why: <!-- not compiled: … -->")


def is_marked(lines, opening):
    """Whether the line above a block's opening, which is counted from 1, says why it is not compiled."""
    return opening > 1 and MARK.match(lines[opening - 2].strip()) is not None
