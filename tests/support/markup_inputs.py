"""Hostile wikitext for the fuzz tests: repeated units, and random sequences of markup, by seed."""

import random

UNITS = [
    "{{", "}}", "[[", "]]", "\n{|", "\n|}", "<ref>", "<!--", "<a", "<a ", "<", "'", "''", "'''", "[http://",
    "http://", "\n==", "\n== h", "==", "\n== h ==", "__A", "__", "[[File:", "\n:", "<math>", "{{[[", "[[a|", "&",
    "&#1", "&#x", "&am", "&CounterClockwiseContourIntegra", "[[ ", "[[file" + " " * 79, "<nowiki>", "a://",
    "\n == {{|", "</ref", "</ref>", "</", "[[zh-", "[[zh-a-b-", "{|\n{{\n|}", "-{", "}-", "-{a;", "-{}-", "-{zh:a;",
    "-{a|", "{{nbsp", "{{!}}", "{{'}", "'''a ''", "\n''", "'\n", "<ref><math><pre><nowiki>", "<ref/>", "<references>",
    "<!-- -->", "<!---", "|", "|-\n", "=", "\n=", "_", ":", "\n*", " ", "\n ", "a", "é", "\x00", "<br", "<br>", "[",
    "]", "{", "}", "-", "[[[[a|", "{{{", "}}}", "[[-{", "\n{|\n|}", "{{t|\n|}\n", "[[File:x|\n", "''[[x|''", "=\n==",
    "<!---->==", "<!---->:", "<!---->== h ==", "[[a:b.jpg|", "[[a:b.jpg]]", "[[a.jpg|",
]  # fmt: skip
"""Each of them, repeated, once looked like a way to make a scanner slow."""

PAIRS = [
    ("{{", "}}"), ("[[", "]]"), ("[[a|", "]]"), ("[[File:x|", "]]"), ("\n{|", "\n|}"), ("<ref>", "</ref>"),
    ("-{", "}-"), ("-{a", "}-"), ("-{zh:a;b", "}-"), ("{{\n{|", "\n|}"), ("{{[[a|-{", "}-"), ("[http://x ", "]"),
    ("<!--", "-->"), ("{{t|[[x|", "]]}}"), ("\n{|", "\n== h =="), ("''", "'''"), ("<math>", "</ref>"),
]  # fmt: skip
"""As many of the first as of the second: what is nested could be read again at each end."""

FRAGMENTS = [
    "{{", "}}", "[[", "]]", "{|", "|}", "\n", "\n\n", "|", "==", "\n== h ==\n", "<ref>", "</ref>", "<ref/>",
    "<ref name=a/b>", "<!--", "-->", "''", "'''", "'''''", "<nowiki>", "</nowiki>", "<nowiki/>", "<math>", "</math>",
    "http://", "https://x", "[http://a b", "]", "[", "__TOC__", "__", "File:", "Category:", "de:", "&amp;", "&#",
    "&nGt;", "&#x41;", "&", ";", " ", "a", "é", "犬", "{", "}", ":", "*", "<br>", "<", ">", "=", "_", "-", "-{", "}-",
    "-{zh-hans:", ";zh-hant:", "H|", "x:y.jpg",
    "{{nbsp}}", "{{!}}", "{{'}}", "<pre>", "</pre>", "<table>", "</table>", "\n{|\n",
    "\n|-\n", "\n|}\n", "/", "\x00", "'",
]  # fmt: skip


def random_wikitext(seed: int) -> bytes:
    """Return markup in random order, in one case of four with random bytes put in."""
    rng = random.Random(seed)
    text = b"".join(rng.choice(FRAGMENTS).encode() for _ in range(rng.randrange(60)))
    if seed % 4 == 0:
        for _ in range(rng.randrange(1, 5)):
            place = rng.randrange(len(text) + 1)
            text = text[:place] + bytes([rng.randrange(256)]) + text[place + rng.randrange(3) :]
    return text
