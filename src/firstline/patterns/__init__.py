"""A team's own mask patterns: written as for Python's `re`, run by RE2, so that none of them backtracks.

`re` tries a pattern again for each way in which it can match: `(\\d+)+X` on 35 digits takes hours. RE2 takes a time
that grows with the text alone. Its `\\d`, `\\w`, `\\b` and upper case are those of ASCII, though, so Python parses
the pattern, and it is written anew for RE2, each class of characters as the ranges that Python finds for it.

`\\b` knows ASCII only in RE2. For a pattern that has it, the text is marked: each letter, digit or underscore
that is not an ASCII letter or digit stands between two underscores, so that RE2 sees a word there as Python does.
"""

from firstline.patterns.own import OwnPattern, any_possible, compile_pattern
from firstline.patterns.writing import PatternRefused

__all__ = ["OwnPattern", "PatternRefused", "any_possible", "compile_pattern"]
