r"""The regular expressions of `.matches()`: the subset that Python's `re` and Rust's `regex` can be made to read alike.

A pattern is searched for, not anchored, in the code points of a string, case by case. It may have:

* any character itself; ``. [ ] ( ) { } * + ? ^ $ | \`` behind a ``\``, as any other ASCII punctuation may be;
* ``\n \r \t \f \v``, ``\xhh``, ``\uhhhh``, ``\Uhhhhhhhh``;
* ``.``, which is any character but ``\n``;
* ``\d`` for ``[0-9]``, ``\w`` for ``[0-9A-Za-z_]``, ``\s`` for ``[ \t\n\r\f\v]``, and ``\D \W \S`` for the rest: ASCII,
  because the Unicode tables of two engines differ;
* classes ``[a-z_]``, ``[^"]``, ``[\w.-]``; no POSIX names, no classes within classes, no set operations;
* ``(..)`` and ``(?:..)``, which mean the same here; ``|``;
* ``* + ? {3} {3,} {,5} {3,5}``, each also lazy, which changes nothing for a search that only says yes or no;
* ``^`` for the start and ``$`` for the very end (not before a last newline, as in Python) of the whole string;
* ``\b`` for the edge of an ASCII word.

Refused, by name and position: lookaround, backreferences, named, atomic and conditional groups, possessive repeats,
inline flags, comments, ``\A \Z \B \p{..} \N{..}``, octal escapes, and a bare ``{ } ]``.

Linear time, which Rust's engine has by itself, cannot be had with Python's `re`, which tries one way after the other.
So a pattern has at most 500 characters and 1,000 when its counts are written out, and a repeat whose body reads one
text in several ways, such as ``(a+)+`` or ``(a|ab?b?)*``, is refused, since that takes `re` exponential time. What
stays possible is polynomial time: ``.*a.*b.*c`` on a string of n characters can take n cubed steps.
"""

from motia_fast.patterns.parse import MAX_LENGTH, MAX_SIZE, Pattern, parse

__all__ = ["MAX_LENGTH", "MAX_SIZE", "Pattern", "parse"]
