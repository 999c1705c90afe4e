"""Each check finds what it is for, and lets pass what is right."""

import tempfile
import unittest
from pathlib import Path

import links
import reading
import sizes
import snippets
import spelling


def said(findings):
    """Findings as they are printed."""
    return [str(finding) for finding in findings]


class Spelling(unittest.TestCase):
    def check(self, text, name="a.md", own=()):
        return said(spelling.check({name: text}, set(own)))

    def test_a_typo_is_named_with_its_line(self):
        self.assertEqual(self.check("Two models.\n\nTheir paramters differ."), ["a.md:3: no word that is known: paramters"])

    def test_american_spelling_is_a_finding(self):
        self.assertEqual(self.check("The color of its initialization"), [
            "a.md:1: no word that is known: color", "a.md:1: no word that is known: initialization"])

    def test_words_of_the_project_pass(self):
        self.assertEqual(self.check("Softmax of PyTorch's logits", own=["PyTorch", "logits", "softmax"]), [])
        self.assertEqual(len(self.check("pytorch", own=["PyTorch"])), 1)

    def test_code_links_and_mathematics_are_not_read(self):
        self.assertEqual(self.check("`grd` and ``a `grd` ``\n\n```text\ngrd\n```\n\n    grd\n\n[this](grd.md) x̄ = z̄·eˣ⁻ʸ, wA, "
                                    "grd_x, https://a.b/grd, <a id=\"grd\">"), [])

    def test_what_pictures_and_comments_in_snippets_say_is_read(self):
        self.assertEqual(len(self.check('<img src="a.svg" alt="a\npictre">')), 1)
        self.assertEqual(self.check("```rust\n\nlet grd = 1; // a mistke\n```"), ["a.md:3: no word that is known: mistke"])

    def test_comments_of_rust_are_read_and_its_code_is_not(self):
        text = '//! A fron page.\nlet grd = "// nothng";\n/// Of `grd`.\nlet q = \'"\'; // A plan comment, and a wrng one.\n'
        self.assertEqual(self.check(text, "a.rs"), ["a.rs:1: no word that is known: fron", "a.rs:4: no word that is known: wrng"])

    def test_the_list_is_sorted(self):
        self.assertEqual(list(spelling.check_list(["a", "b"])), [])
        self.assertEqual([finding.line for finding in spelling.check_list(["b", "a", "a"])], [2, 3])


class Links(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)

    def check(self, text, other="# A heading\n"):
        (self.root / "other.md").write_text(other, encoding="utf-8")
        name = str(self.root / "a.md")
        return [finding.what for finding in links.check({name: text})]

    def test_a_dead_link_is_a_finding(self):
        for link in ("[a](none.md)", "![a](none.md)", '<img src="none.md">', "[a]: none.md"):
            self.assertEqual(self.check(link), [f"none.md: there is no {self.root / 'none.md'}"])
        self.assertEqual(self.check("[a](other.md), `[a](none.md)`\n```text\n[a](none.md)\n```"), [])

    def test_a_dead_anchor_is_a_finding(self):
        self.assertEqual(self.check("[a](other.md#a-heading) [b](other.md#a-heading-1)", "# A heading\n## A heading\n"), [])
        self.assertEqual(len(self.check("[a](other.md#a-heading-1)")), 1)

    def test_anchors_are_github_s(self):
        self.assertEqual(links.slug("Why `A/B`, λ → ∞? It's [so](x.md)"), "why-ab-λ---its-so")

    def test_a_label_that_is_not_defined_is_a_finding(self):
        for text in ("[a][b]", "[b][]", "[`b`]"):
            self.assertEqual(len(self.check(text)), 1)
        self.assertEqual(self.check("[a\nb][c], [`d`], [1]\n\n[c]: other.md\n[`d`]: other.md"), [])

    def test_an_external_link_is_https(self):
        self.assertEqual(self.check("[a](https://a.b)"), [])
        self.assertEqual(self.check("[a](http://a.b)"), ["http://a.b: an external link begins with https://"])
        self.assertEqual(list(links.external({"a.md": "\n[a](https://a.b)"})), ["a.md:2: https://a.b"])

    def test_rendered_links_lead_to_a_page_and_a_place(self):
        (self.root / "tandem").mkdir()
        for name, text in {
            "a": '<a href="b.html#x">, <a href="moved.html#x">, <a href="#none">, <img src="none.svg">, <a href="c.html">',
            "b": '<p id="x"><p id="10"><a href="b.html#10-20"><a href="moved.html#none">',
            "moved": '<meta http-equiv="refresh" content="0;URL=b.html">',
        }.items():
            (self.root / "tandem" / f"{name}.html").write_text(text, encoding="utf-8")
        found = [finding.what for finding in links.rendered(str(self.root))]
        self.assertEqual(found, [
            "#none: the page has no such place", "none.svg: there is no such page", "c.html: there is no such page",
            "moved.html#none: the page has no such place"])

    def test_no_pages_at_all_are_a_finding(self):
        self.assertEqual(len(list(links.rendered(str(self.root)))), 1)


class Snippets(unittest.TestCase):
    def check(self, text, name="a.md"):
        return said(snippets.check({name: text}, {"src/lib.rs": '#[doc = include_str!("../a.md")]'}))

    def test_a_block_has_a_language(self):
        self.assertEqual(self.check("```\nx\n```"), ["a.md:1: a block without a language"])
        self.assertEqual(len(self.check("Text:\n\n    x = 1\n")), 1)
        self.assertEqual(self.check("```text\nx\n\n    y\n```\n~~~sh\nls\n~~~\n- a list\n\n    of which this is text"), [])

    def test_rust_is_compiled(self):
        self.assertEqual(self.check("```rust,should_panic\nx\n```"), [])
        self.assertEqual(len(self.check("```rust\nx\n```", "b.md")), 1)
        self.assertEqual(len(self.check("```rust,ignore\nx\n```")), 1)

    def test_pages_of_the_book_are_compiled(self):
        pages = {"src/guide.rs": '#![doc = x]\npages! {\n    one = "ch01",\n}'}
        self.assertIn("docs/guide/ch01.md", snippets.included(pages))
        self.assertNotIn("docs/guide/ch02.md", snippets.included(pages))

    def test_code_of_the_book_fits_on_its_page(self):
        wide = "```rust\nlet x = 1;\n//" + 99 * "x" + "\n```"
        self.assertIn("docs/guide/ch01.md:3: a line of 101 columns, 100 fit on the page", self.check(wide, "docs/guide/ch01.md"))
        self.assertEqual(self.check(wide), [])

    def test_a_sum_does_not_become_a_list(self):
        self.assertEqual(len(self.check("of the sum w\n+ w′. And")), 1)

    def test_what_is_not_compiled_says_why(self):
        self.assertEqual(len(self.check("```python\nx\n```")), 1)
        self.assertEqual(self.check("<!-- not compiled: another language -->\n```python\nx\n```"), [])
        self.assertEqual(len(self.check("<!-- not compiled: -->\n```python\nx\n```")), 1)

    def test_comments_of_rust_hide_nothing_from_the_compiler(self):
        skipped = "/// ```no_run\n/// x\n/// ```\n"
        self.assertEqual(len(said(snippets.check_comments({"a.rs": skipped}))), 1)
        self.assertEqual(said(snippets.check_comments({"a.rs": "/// <!-- not compiled: it waits -->\n" + skipped})), [])
        self.assertEqual(said(snippets.check_comments({"a.rs": "/// ```\n/// x\n/// ```\n"})), [])


class Sizes(unittest.TestCase):
    LONG = "fn long() {\n" + "    // No code.\n    call(\"{\");\n" * 60 + "}\n"

    def test_a_long_function_is_a_finding(self):
        found = said(sizes.check({"a.rs": "\n" + self.LONG}, set()))
        self.assertEqual(found, ["a.rs:2: long has 62 lines of code, more than 60, and ARCHITECTURE.md does not say why"])

    def test_a_long_file_is_a_finding(self):
        self.assertEqual(len(said(sizes.check({"a.rs": "x;\n" * 401}, set()))), 1)
        self.assertEqual(said(sizes.check({"a.rs": "x;\n\n// y\n" * 400}, set())), [])

    def test_exceptions_are_read_and_must_be_needed(self):
        exceptions = sizes.excepted("# A\n- `other`\n## Larger than the rule\n\n- `long`: a table.\n\n## B\n- `more`\n")
        self.assertEqual(exceptions, {"long"})
        self.assertEqual(said(sizes.check({"a.rs": self.LONG}, exceptions)), [])
        self.assertEqual(len(said(sizes.check({"a.rs": ""}, exceptions))), 1)


class Reading(unittest.TestCase):
    def test_lines_stay_where_they_are(self):
        code = 'let a = r#"x\n// y"#; /* z\nz */ \'\\\'\' // c\n'
        for text in (reading.comments(code), reading.code_alone(code)):
            self.assertEqual(text.count("\n"), code.count("\n"))
        self.assertIn("c", reading.comments(code).split("\n")[2])


if __name__ == "__main__":
    unittest.main()
