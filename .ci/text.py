"""Checks of all that is written: spelling, links, snippets, sizes. Says file, line and what is wrong.

python3 .ci/text.py                # the texts of the repository
python3 .ci/text.py --rendered     # the links of the pages that `cargo doc` has made
python3 .ci/text.py --external     # lists the links that lead elsewhere; nothing fetches them
python3 .ci/text.py --words        # lists the words that stand in no dictionary, to be read before they go to words.txt
"""

import argparse
import os
import sys

import links
import reading
import sizes
import snippets
import spelling

# Where snippets are for readers to try.
TAUGHT = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/", "exercises/")


def texts():
    """All Markdown and all Rust of the repository, by name."""
    markdown, rust = ({name: reading.read(name) for name in reading.tracked(ending)} for ending in (".md", ".rs"))
    return markdown, rust


def findings():
    """All that is wrong with the repository's texts."""
    markdown, rust = texts()
    own = reading.read(spelling.WORDS).split()
    yield from spelling.check_list(own)
    yield from spelling.check(markdown | rust, set(own))
    yield from links.check(markdown)
    taught = {name: text for name, text in markdown.items() if name.startswith(TAUGHT)}
    yield from snippets.check(taught, rust)
    yield from snippets.check_comments(rust)
    yield from sizes.check(rust, sizes.excepted(markdown.get("ARCHITECTURE.md", "")))


def main():
    """Prints what was asked for; fails if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag in ("--rendered", "--external", "--words"):
        parser.add_argument(flag, action="store_true")
    asked = parser.parse_args()
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    if asked.external:
        print(*links.external(texts()[0]), sep="\n")
        return 0
    if asked.words:
        markdown, rust = texts()
        found = spelling.check(markdown | rust, set(reading.read(spelling.WORDS).split()))
        print(*sorted({finding.what.split()[-1] for finding in found}), sep="\n")
        return 0
    found = list(links.rendered("target/doc") if asked.rendered else findings())
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
