"""Files as the checks read them: prose without code, code without prose. Blanked text keeps its lines."""

import re
import subprocess
from typing import NamedTuple

FENCE = re.compile(r"^ {0,3}(?P<mark>`{3,}|~{3,}) *(?P<info>[^\n`]*)$")
RUST = re.compile(
    r"""(?P<string>\bb?r(?P<hashes>\#*)".*?"(?P=hashes)(?!\#)|b?"(?:\\.|[^"\\])*"|b?'(?:\\(?:u\{\w+\}|x\w\w|.)|[^\\'\n])')"""
    r"""|(?P<comment>//[^\n]*|/\*.*?\*/)""",
    re.DOTALL,
)


class Finding(NamedTuple):
    """Something that is wrong, and where."""

    file: str
    line: int
    what: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.what}"


class Block(NamedTuple):
    """A fenced block: the line of its opening, what stands behind the fence, and the code."""

    line: int
    info: str
    code: str


def tracked(*endings):
    """The names of the repository's files with these endings, new ones too, but not what Git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return sorted({name for name in listed.split("\0") if name.endswith(endings)})


def read(name):
    """The text of a file."""
    with open(name, encoding="utf-8") as file:
        return file.read()


def blank(text):
    """The line breaks of a text, and nothing else of it."""
    return "\n" * text.count("\n")


def without(pattern, text, flags=0):
    """The text without what matches."""
    return re.sub(pattern, lambda found: " " + blank(found[0]), text, flags=flags)


def line_of(text, place):
    """The number of the line in which a place lies."""
    return text.count("\n", 0, place) + 1


def comments(code):
    """What Rust code says in comments, each in its line, without the marks."""
    said, at = [], 0
    for found in RUST.finditer(code):
        comment = re.sub(r"^(?://[/!]? ?|/\*+)|\*/$", "", found["comment"] or "")
        said += [blank(code[at : found.start()]), comment or blank(found[0])]
        at = found.end()
    return "".join(said) + blank(code[at:])


def code_alone(code):
    """Rust code without comments and without what stands in strings."""
    return RUST.sub(lambda found: blank(found[0]) + ('""' if found["string"] else ""), code)


def split(text):
    """A text in Markdown without its fenced blocks, and the blocks."""
    prose, blocks, opened = [], [], None
    for number, line in enumerate(text.split("\n"), 1):
        found = FENCE.match(line)
        if opened is None and found:
            opened = number, found["info"].strip(), found["mark"], []
        elif opened and found and not found["info"] and found["mark"].startswith(opened[2]):
            blocks.append(Block(opened[0], opened[1], "\n".join(opened[3])))
            opened = None
        elif opened:
            opened[3].append(line)
        prose.append("" if opened or found else line)
    if opened:
        blocks.append(Block(opened[0], opened[1], "\n".join(opened[3])))
    return "\n".join(prose), blocks


def indented(text):
    """The lines of Markdown that are code because they are indented; in a list they are its text."""
    before, in_list, in_code = "", False, False
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r" *(?:[-*+]|\d+[.)]) ", line):
            in_list = True
        elif line.strip() and not line.startswith(" "):
            in_list = False
        in_code = bool(re.match(r"(?: {4}|\t)", line)) and not in_list and (in_code or not before.strip())
        if in_code:
            yield number
        before = line


def without_spans(text):
    """Markdown without code in a line or over a few, indented code and HTML comments."""
    text = without(r"<!--.*?-->", text, re.DOTALL)
    code = set(indented(text))
    text = "\n".join("" if number in code else line for number, line in enumerate(text.split("\n"), 1))
    return without(r"(?<!`)(`+)(?!`)(?:(?!\n\n).)+?(?<!`)\1(?!`)", text, re.DOTALL)
