"""British spelling of everything that is written to be read: Markdown, and the comments of Rust."""

import re
import subprocess

import reading
from reading import Finding

WORDS = ".ci/words.txt"
# What may be part of a word or of a name: letters, digits, marks above letters, superscripts and subscripts.
TOKEN = re.compile(r"[\w'’\u0300-\u036f\u2070-\u209f]+")
WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ]{2,}(?:['’][A-Za-z]+)*")
NAME = re.compile(r"[a-z][A-Z]")


def prose(name, text):
    """What a reader reads of a file as sentences, each in its line."""
    if name.endswith(".rs"):
        text = reading.comments(text)
    alone, blocks = reading.split(text)
    lines = reading.without_spans(alone).split("\n")
    for block in blocks:
        if block.info.split(",")[0] in ("", "rust"):
            for number, line in enumerate(reading.comments(block.code).split("\n"), block.line):
                lines[number] = line
    return without_links("\n".join(lines))


def without_links(text):
    """The text without what links lead to, tags and addresses; of a picture the words in its place stay."""
    text = re.sub(r"<img\b[^>]*?\balt=\"([^\"]*)\"[^>]*>", r" \1 ", text)
    text = reading.without(r"^ {0,3}\[[^\]\n]+\]: .*$", text, re.MULTILINE)
    text = reading.without(r"(?<=\])(?:\([^)\s]*\)|\[[^\]\n]*\])", text)
    text = reading.without(r"</?[a-z][^<>]*>", text)
    address, issue, path = r"https?://\S+", r"\b\w+#\d+", r"\b[\w.-]+/[\w./#-]+|\b[\w-]+\.(?:rs|py|md|svg|jsonl?|txt|html|gz)\b"
    return reading.without(f"{address}|{issue}|{path}|" + r"\b\w+(?:::\w+)+", text)


def words(text):
    """The words of a text with their lines; names and mathematics are left out."""
    for number, line in enumerate(text.split("\n"), 1):
        for token in TOKEN.findall(line):
            token = token.strip("'’_")
            if WORD.fullmatch(token) and not NAME.search(token):
                yield number, re.sub(r"'s$", "", token.replace("’", "'"))


def unknown(candidates):
    """Those of the words that stand in no dictionary of British English."""
    command = ["aspell", "--encoding=utf-8", "-d", "en_GB-ise", "list"]
    listed = "\n".join(sorted(candidates))
    return set(subprocess.run(command, input=listed, capture_output=True, check=True, text=True).stdout.split())


def check(texts, own):
    """Findings in texts by name; `own` are the words that a project has besides those of a dictionary."""
    found = [(name, *word) for name, text in texts.items() for word in words(prose(name, text))]
    wrong = unknown({word for _, _, word in found})
    right = {word for word in wrong if word in own or (word.lower() in own and (word.istitle() or word.isupper()))}
    return [Finding(name, line, f"no word that is known: {word}") for name, line, word in found if word in wrong - right]


def check_list(listed):
    """Findings in the list of words: each word once, in order."""
    for number, (before, after) in enumerate(zip(listed, listed[1:]), 2):
        if before >= after:
            yield Finding(WORDS, number, f"{after} stands behind {before}: the list is sorted, each word once")
