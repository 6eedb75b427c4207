"""`F`: what a payload must be like for a step to run, as an expression that both engines evaluate alike.

    queue("order.created", condition=(F.amount > 1000) & F.customer.tier.in_(["gold", "silver"]))

An expression makes a `Condition`, which is immutable and knows its JSON. The meaning, for a payload that is JSON:

* A path leads through keys of objects (a string) and places of arrays (an int, from 0). Where it leads nowhere, it is
  missing; that is no mismatch. `F` itself is the whole payload, or the item inside of `any_` and `all_`.
* A comparison with something missing is false, ``!=`` too. So is one with a null, except with None.
* A value of another type than the operator takes is a mismatch: false, ``!=`` too, and counted. Types are number,
  string, bool, array, object; a bool is no number. Any type may be compared with None. `in_` takes the types of its
  values. `contains` takes a string where it looks for a string, and any array.
* Integers and floats compare by value, exactly, whatever their size: 2**53 + 1 differs from 2.0**53. Strings compare
  by code point. Of equal keys in an object the last counts.
* `len` is the length of an array, of a string in code points, of an object in keys.
* ``~`` is real negation. ``&``, ``|``, `any_` and `all_` look from left to right and stop where the answer is known, so
  what they do not look at is not counted. `any_` of an empty array is false, `all_` is true.
* `exists` is true for a null, `is_null` only for one; both are false for what is missing, and never mismatch.
* `matches` is a search by the regular expressions of `motia_fast.patterns`.

The JSON, whose keys come in this order, without white space:

    condition = {"op": "and" | "or", "of": [condition, condition, ..]}
              | {"op": "not", "of": condition}
              | {"op": "any" | "all", "path": path, "of": condition}          paths in `of` begin at the item
              | {"op": "==" | "!=", operand, "value": null | bool | number | string}
              | {"op": "<" | "<=" | ">" | ">=", operand, "value": number | string}
              | {"op": "in", operand, "values": [null | bool | number | string, ..]}
              | {"op": "contains", "path": path, "value": null | bool | number | string}
              | {"op": "startswith" | "endswith", "path": path, "value": string}
              | {"op": "matches", "path": path, "pattern": string, "regex": string}
              | {"op": "exists" | "is_null", "path": path}
    operand   = "path": path | "len": path                                    the value, or its length
    path      = [string | int, ..]                                            [] is the whole
    number    = a JSON number, an integer if it has no "." and no "e"
              | {"integer": digits}                                           beyond -2**63 .. 2**64 - 1

A length is compared with integers only. `pattern` is as it was written, `regex` the same for Rust's `regex` crate,
without flags. Conditions nest at most 32 deep.
"""

from motia_fast.conditions.condition import MAX_DEPTH, Condition, as_condition
from motia_fast.conditions.literals import Literal
from motia_fast.conditions.paths import F, Length, Path, all_, any_

__all__ = ["MAX_DEPTH", "Condition", "F", "Length", "Literal", "Path", "all_", "any_", "as_condition"]
