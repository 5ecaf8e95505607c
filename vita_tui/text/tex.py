"""Formulas in TeX as a line of ordinary signs, which is then read like any other: \\frac{a}{b} → a ∕ b, \\alpha^2 → α².

What has a sign becomes that; sums, integrals and functions become words of the language. Commands that are not known
leave their arguments, those for looks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["MAX_FORMULA", "plain"]

MAX_FORMULA = 120
"""Signs that a formula may have after reading, to be read out."""
DEPTH = 6
"""Of groups in groups."""
TOKEN = re.compile(r"\\(?:[a-zA-Z]+\*?|.)|[{}^_]|\d+(?:[.,]\d+|\{,\}\d+)*|\s+|.", re.DOTALL)

GREEK = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi psi omega"
        " varepsilon vartheta varphi Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split(),
        "αβγδεζηθικλμνξοπρστυφχψωεθφΓΔΘΛΞΠΣΦΨΩ",
        strict=True,
    )
)
SIGNS: Mapping[str, str] = {
    **GREEK,
    "times": "×", "cdot": "×", "ast": "×", "div": "÷", "pm": "±", "mp": "±", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠",
    "lt": "<", "gt": ">", "ll": "<", "gg": ">", "leqslant": "≤", "geqslant": "≥", "approx": "≈", "simeq": "≈", "cong": "≈", "equiv": "≡", "sim": "∼", "propto": "∝",
    "infty": "∞", "in": "∈", "notin": "∉", "subset": "⊂", "subseteq": "⊆", "cup": "∪", "cap": "∩", "to": "→", "rightarrow": "→",
    "longrightarrow": "→", "Rightarrow": "⇒", "implies": "⇒", "iff": "⇔", "Leftrightarrow": "⇔", "leftarrow": "←", "gets": "←", "mapsto": "↦",
    "forall": "∀", "exists": "∃", "partial": "∂", "nabla": "∇", "land": "∧", "wedge": "∧", "lor": "∨", "vee": "∨", "neg": "¬", "lnot": "¬",
    "prime": "′", "degree": "°", "circ": "°", "%": "%", "$": "$", "&": "&", "#": "#", "mid": ",", "ell": "l", "hbar": "h", "dots": "…", "ldots": "…", "cdots": "…",
    "vdots": "…", "ddots": "…", "quad": ",", "qquad": ",", "\\": ",", "newline": ",", "land*": "∧", "Re": "Re", "Im": "Im", "emptyset": "∅",
}  # fmt: skip
OPERATORS = {
    "sum": "sum",
    "prod": "prod",
    "int": "int",
    "iint": "int",
    "iiint": "int",
    "oint": "int",
    "lim": "lim",
    "max": "max",
    "min": "min",
}
FUNCTIONS = ("sin", "cos", "tan", "log", "ln", "exp", "det")
TEXT = {
    "text",
    "mathrm",
    "mathbf",
    "mathit",
    "mathcal",
    "mathbb",
    "mathsf",
    "operatorname",
    "textbf",
    "textit",
    "textrm",
    "boxed",
    "mbox",
    "emph",
    "bm",
    "boldsymbol",
    "overline",
    "underline",
    "hat",
    "bar",
    "vec",
    "tilde",
    "dot",
    "operatorname*",
}
"""Commands of which only the argument is read."""
DROPPED = {"begin", "end", "label", "tag", "color", "hspace", "vspace"}
"""Commands that go with their argument."""
SUPERSCRIPT = {"2": "²", "3": "³"}


def plain(source: str, words: Mapping[str, str]) -> str:
    """A line without TeX.

    Args:
        words: names of functions and operators, `Vocabulary.tex`; may be empty.
    """
    return _Formula(TOKEN.findall(source), words).line()


class _Formula:
    """Reads tokens from left to right; each is looked at once."""

    def __init__(self, tokens: list[str], words: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._words = words
        self._place = 0
        self._depth = 0

    def line(self) -> str:
        parts = []
        while self._place < len(self._tokens):
            parts.append(self._sequence())
            self._place += 1  # a brace too many
        return re.sub(r"\s+", " ", " ".join(parts)).strip()

    def _sequence(self) -> str:
        """Up to the end of the group."""
        said: list[str] = []
        while self._place < len(self._tokens) and self._tokens[self._place] != "}":
            said.append(self._one())
        return "".join(said)

    def _one(self) -> str:
        part = self._tokens[self._place]
        self._place += 1
        if part == "{":
            return self._group()
        if part == "^":
            return self._raised()
        if part == "_":
            return f" {self._argument()} "
        if part.startswith("\\"):
            return self._command(part[1:])
        if part == "!":
            return f" {self._words.get('factorial', '!')} "
        return {"'": "′", "&": " ", "~": " "}.get(part, part.replace("{,}", ","))

    def _group(self) -> str:
        """What stands up to the closing brace, which is taken too."""
        self._depth += 1
        said = self._sequence() if self._depth <= DEPTH else ""
        self._depth -= 1
        if self._place < len(self._tokens):
            self._place += 1
        return said

    def _argument(self) -> str:
        while self._place < len(self._tokens) and self._tokens[self._place].isspace():
            self._place += 1
        if self._place >= len(self._tokens) or self._tokens[self._place] == "}":
            return ""
        return self._one().strip()

    def _option(self) -> str:
        """What stands in brackets next, if anything."""
        if self._place >= len(self._tokens) or self._tokens[self._place] != "[":
            return ""
        end = self._place + 1
        while end < len(self._tokens) and self._tokens[end] != "]":
            end += 1
        found = "".join(self._tokens[self._place + 1 : end])
        self._place = min(end + 1, len(self._tokens))
        return found

    def _raised(self) -> str:
        exponent = self._argument()
        if exponent == "°":
            return "°"
        if set(exponent) <= {"′"}:
            return exponent
        return SUPERSCRIPT.get(exponent) or f"^{{{exponent}}}"

    def _command(self, name: str) -> str:
        if name in SIGNS:
            return f" {SIGNS[name]} " if not name[:1].isalpha() or len(name) > 1 else SIGNS[name]
        if name in ("frac", "dfrac", "tfrac", "cfrac"):
            top, bottom = self._argument(), self._argument()
            if top.isdigit() and bottom.isdigit():
                return f" {top}/{bottom} "
            return f" {top} ∕ {bottom} "
        if name == "sqrt":
            degree = self._option()
            return f" {'∛' if degree == '3' else '√'} {self._argument()} "
        if name in ("binom", "dbinom"):
            return f" {self._argument()} , {self._argument()} "
        if name in OPERATORS:
            return self._operator(OPERATORS[name])
        if name in FUNCTIONS:
            return f" {self._words.get(name, name)} "
        if name in TEXT:
            return f" {self._argument()} "
        if name in DROPPED:
            self._argument()
            return " "
        return " "

    def _operator(self, name: str) -> str:
        """A sum or the like, with where it begins and ends."""
        said = self._words.get(name, name)
        bounds = {}
        while self._place < len(self._tokens) and self._tokens[self._place] in ("_", "^", "\\limits"):
            mark = self._tokens[self._place]
            self._place += 1
            if mark != "\\limits":
                bounds[mark] = self._argument()
        if "_" in bounds:
            said += " " + self._words.get("from" if "^" in bounds else "at", "{}").format(bounds["_"])
        if "^" in bounds:
            said += " " + self._words.get("to", "{}").format(bounds["^"])
        return f" {said} {self._words.get('of', '')} "
