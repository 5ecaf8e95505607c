"""What is said for each piece of text that `patterns` finds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from vita_tui.text import addresses
from vita_tui.text.language import VULGAR, Language, stop

__all__ = ["Readings"]

RegexMatch = re.Match[str]

MULTIPLE_LONGEST = 20
NUMBER_PART = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[-_.]")


class Readings:
    """Of one language. Every method takes a match of the pattern of its name."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._words = language.words
        self._abbreviations = {
            short.replace(" ", ""): said for short, said in language.v.abbreviations.items()
        }
        words = self._words
        self._fixed: Mapping[str, str] = {
            "sharp": " sharp ",
            "both": f" {words['and']} ",
            "hash": f" {words['number']} ",
            "hashtag": f" {words['hashtag']} ",
            "about": f" {words['about']} ",
            "times": f" {words['times']} ",
            "by": f" {words['by']} ",
            "divided": f" {language.v.symbols['÷']} ",
            "over": f" {words['over']} ",
            "until": f" {words['to']} ",
            "and_or": " ",
            "menu": ", ",
            "sections": f" {words['sections']} ",
            "either": f" {words['or']} ",
            "negated": f" {words['not']} ",
            "lower": f" {words['minus']} ",
        }
        self._own = {name for name, _ in (*language.dates(""), *language.ranks())}

    def say(self, kind: str, match: RegexMatch) -> tuple[str, bool] | None:
        """What is said for `match`, and whether that is text which is to be read once more; None when it is of another kind.

        Raises:
            ValueError, KeyError, OverflowError: it is not what it looked like.
        """
        if kind in self._fixed:
            return self._fixed[kind], False
        if kind in self._own:
            return f" {self.language.read(kind, match)} ", False
        if kind in TWICE:
            return f" {TWICE[kind](self, match)} ", True
        if kind in ONCE:
            return f" {ONCE[kind](self, match)} ", False
        return None

    def digit(self, sign: str) -> str:
        """What is left of a number at the end: a digit, a point or a comma, in words."""
        if sign == ".":
            return self._words["dot" if self.language.code != "en" else "point"]
        return self.language.digits(str(unicodedata.digit(sign))) if sign.isdigit() else ""

    # ---- words, addresses

    def abbreviation(self, match: RegexMatch) -> str:
        v = self.language.v
        written = match["short"]
        short = re.sub(r"\s", "", written.lower())
        before = match.string[max(0, match.start() - 40) : match.start()]
        after = match.string[match.end() : match.end() + 40]
        named = re.match(r"(?:\s+|-)(?:[A-ZÀ-Þ]|(?:med|phil|rer|jur|h)\.)", after) is not None
        if short in v.titles:
            place = re.search(r"[A-Z]\w+\s$", before) is not None
            if short in v.streets and place and not named:
                return v.streets[short] + stop(after)
            if not (named and written[0].isupper()):
                return written
        elif short in v.counted:
            if not re.match(r"\s*(?:\d|[IVXLC]{2,}\b|[VX]\b)", after):
                return written
        elif short in v.after_number:
            if not re.search(r"\d\.?\s?$", before):
                return written
        elif short in v.capital and not written[0].isupper():
            return written
        said = self._abbreviations[short]
        if re.search(r"(?<![\d.,])1\s?$", before):
            said = self.language.one_of(said)
        never = {one.replace(" ", "") for one in (*v.never_last, *v.titles, *v.counted)}
        if short.endswith(".") and short not in never:
            said += stop(after, strict=self.language.code == "de")
        return said

    def initials(self, match: RegexMatch) -> str:
        said = match["letters"].replace(".", "").upper()
        # "The U.S. Army": a capital after it ends no sentence.
        return said + ("." if re.match(r"\s*$|\s*\n", match.string[match.end() : match.end() + 20]) else "")

    def name(self, match: RegexMatch) -> str:
        """Llama-3.2-1B, 802.11ax, MP3: letters and digits in turn."""
        text = match[0]
        if not any(letter.isdigit() for letter in text):
            return text
        if re.fullmatch(r"[a-z]-\d{1,4}", text):
            return f"{text[0]} {self._words['minus']} {self.language.number(text[2:])}"
        if re.fullmatch(r"(?:GMT|UTC)-\d{1,2}", text):
            return f"{text[:3]} {self._words['minus']} {self.language.number(text[4:])}"
        if len(text) > 40 or (len(text) > MULTIPLE_LONGEST and text.isalnum()):
            return self._words["long_code"]
        said: list[str] = []
        parts: list[str] = NUMBER_PART.findall(text)
        for place, part in enumerate(parts):
            if part == "-" and place and parts[place - 1][-1].isdigit() and parts[place + 1 : place + 2]:
                said.append("," if parts[place + 1][0].isdigit() else "")
            elif part[0].isdigit():
                said.append(self._name_number(part))
            elif part[0].isalpha():
                follows = place > 0 and parts[place - 1][-1].isdigit()
                said.append(" ".join(part.upper()) if follows and len(part) <= 2 and part.islower() else part)
        return " ".join(said).replace(" ,", ",")

    def _name_number(self, part: str) -> str:
        if part in self.language.v.names:
            return self.language.v.names[part]
        if not part.isdigit():
            return self.language.version(part) if "," not in part else self.language.number(part)
        if self.language.looks_like_year(part):
            return self.language.year(part)
        return self.language.whole(part) if len(part) <= 4 else self.language.digits(part)

    # ---- dates and spans

    def stamp(self, match: RegexMatch) -> str:
        said = self.language.date(int(match["iso_day"]), int(match["iso_month"]), match["iso_year"])
        if match["iso_hour"] is None:
            return said
        return f"{said}, {self.language.clock(match['iso_hour'], match['iso_minute'])}"

    def weekdays(self, match: RegexMatch) -> str:
        return self.language.range(
            *(self._listed(self.language.v.weekdays, match[name]) for name in ("day_from", "day_to"))
        )

    def duration(self, match: RegexMatch) -> str:
        return " ".join(
            self.language.measure(match[name], unit) for name, unit in (("hours", "h"), ("minutes", "min"))
        )

    def weekday(self, match: RegexMatch) -> str:
        return self._listed(self.language.v.weekdays, match["weekday_before"] or match["weekday_after"])

    def months(self, match: RegexMatch) -> str:
        return self.language.range(
            *(self._listed(self.language.v.months, match[name]) for name in ("month_from", "month_to"))
        )

    def _listed(self, table: Sequence[Sequence[str]], form: str) -> str:
        return next(forms[0] for forms in table if form in forms)

    def span(self, match: RegexMatch) -> str:
        """A range of anything: numbers, money, units, years."""
        language = self.language
        low, high = match["low"], match["high"]
        low_unit, unit, scale = match["low_unit"], match["range_unit"], match["range_scale"] or ""
        currency = match["high_currency"] or match["low_currency"]
        if unit and currency is None and language.v.is_currency(_currency(unit)):
            currency, unit = unit, None
        if currency:
            own = (match["low_currency"] and match["high_currency"]) or low_unit
            start = language.money(low, _currency(currency)) if own else language.number(low, "m")
            return language.range(start, language.money(high, _currency(currency), scale))
        if unit == "x":
            return f"{language.range(language.number(low), language.number(high))} {self._words.get('multiple', self._words['times'])}"
        if scale:
            return (
                f"{language.range(language.number(low), language.number(high))} {language.magnitude(scale)}"
            )
        if unit:
            start = (
                language.measure(low, low_unit)
                if low_unit and low_unit != unit
                else language.number(low, language.v.unit(unit).gender)
            )
            return language.range(start, language.measure(high, unit))
        if low_unit:
            return language.range(language.measure(low, low_unit), language.number(high))
        if language.looks_like_year(low) and (len(high) == 2 or _is_year(high)):
            return language.range(
                language.year(low), language.year(high) if len(high) == 4 else language.number(high)
            )
        gender = language.gender(match.string[match.end() : match.end() + 40])
        if match.string[match.end("low")] == "-":
            if re.match(r"\s?=", match.string[match.end() : match.end() + 2]):
                return f"{language.number(low)} {self._words['minus']} {language.number(high)}"
            if low.isdigit() and high.isdigit() and int(low) > int(high) and len(low) > 2:  # Boeing 747-400
                return f"{language.number(low)} {language.number(high)}"
        return language.range(language.number(low, gender), language.number(high, gender))

    def ratio(self, match: RegexMatch) -> str:
        divided = re.match(r"\s?=", match.string[match.end() : match.end() + 2])
        between = self.language.v.symbols["÷"] if divided else self._words["ratio"]
        return (
            f"{self.language.whole(match['ratio_one'])} {between} {self.language.whole(match['ratio_two'])}"
        )

    # ---- numbers

    def version(self, match: RegexMatch) -> str:
        said = self.language.version(match["parts"] or match["short_parts"])
        return f"{self._words['version']} {said}" if match[0][0] in "vV" else said

    def money(self, match: RegexMatch) -> str:
        if match["currency"] is not None:
            amount = (match["money_sign"] or "") + match["amount"]
            return self.language.money(amount, _currency(match["currency"]), match["magnitude"] or "")
        return self.language.money(
            match["amount_first"], match["currency_last"], match["magnitude_first"] or ""
        )

    def dimension(self, match: RegexMatch) -> str:
        language = self.language
        sides = re.split(r"\s?[x×]\s?", match["sides"])
        unit = match["dimension_unit"]
        said = [language.number(side) for side in sides]
        if unit:
            said[-1] = language.measure(sides[-1], unit)
        return f" {self._words['by']} ".join(said)

    def scientific(self, match: RegexMatch) -> str:
        exponent = match["exponent_e"] or match["exponent_caret"] or match["exponent_raised"]
        return self.language.scientific(match["mantissa"], exponent, match["scientific_unit"] or "")

    def fraction(self, match: RegexMatch) -> str:
        top, bottom = int(match["top"]), int(match["bottom"])
        mixed = match["mixed"] or ""
        before = match.string[max(0, match.start() - 3) : match.start()]
        after = match.string[match.end() : match.end() + 40]
        if not mixed and (
            (re.match(r"\s?=", after) and top % bottom == 0)
            or (" / " in match[0] and (re.search(r"[-+*×=]\s?$", before) or re.match(r"\s?[-+*×=]", after)))
        ):
            return f"{self.language.cardinal(top)} {self.language.v.symbols['÷']} {self.language.cardinal(bottom)}"
        if not mixed and top == bottom:  # "fifty fifty"
            return f"{self.language.cardinal(top)} {self.language.cardinal(bottom)}"
        return self._parts_of(mixed, top, bottom, match["fraction_unit"], after)

    def vulgar(self, match: RegexMatch) -> str:
        top, bottom = VULGAR[match["vulgar_sign"]]
        return self._parts_of(
            (match["vulgar_whole"] or "").strip(),
            top,
            bottom,
            match["vulgar_unit"],
            match.string[match.end() : match.end() + 40],
        )

    def _parts_of(self, whole: str, top: int, bottom: int, unit: str | None, after: str) -> str:
        if whole:
            said = self.language.mixed(whole, top, bottom)
        else:
            noun = re.match(r"\s([^\W\d_]+)", after)
            said = self.language.fraction(
                top, bottom, self.language.v.unit(unit).one if unit else noun[1] if noun else ""
            )
        if not unit:
            return said
        one, many, _ = self.language.v.unit(unit)
        return f"{said} {many if whole else one}"

    def per_many(self, match: RegexMatch) -> str:
        """7 l/100 km, $5/100 g."""
        before = match.string[max(0, match.start() - 20) : match.start()]
        return self._words["per" if re.search(r"[$€£]\s?[\d.,]+$|[^\W\d_]$", before) else "over"]

    def angle(self, match: RegexMatch) -> str:
        parts = (("degrees", "°"), ("arc_minutes", "min"), ("arc_seconds", "s"))
        return " ".join(self.language.measure(match[name], unit) for name, unit in parts if match[name])

    def inch_mark(self, match: RegexMatch) -> str:
        """A mark behind a number, unless it closes what is quoted."""
        line = match.string[max(0, match.start() - 400) : match.end() - 1].rpartition("\n")[2]
        quoted = False
        for mark in re.finditer('["“”„]', line):
            opens = mark[0] in "“„" or (
                mark[0] == '"' and (mark.start() == 0 or line[mark.start() - 1] in " ([{:=,")
            )
            quoted = opens
        if quoted:
            return self.language.number(match["inched"])
        # "a six inch pipe", but "six inches of pipe"
        noun = r"\s(?!(?:of|and|or|by|to|in|x|at|on|from|long|wide|thick|tall|high|deep)\b)[A-Za-z]"
        joined = self.language.code == "en" and re.match(noun, match.string[match.end() : match.end() + 8])
        return self.language.measure(match["inched"], "″", joined=bool(joined))

    def charge(self, match: RegexMatch) -> str:
        """Of an ion: Fe³⁺, SO4^2-."""
        count = match["charge_count"] or match["flat_charge"] or ""
        sign = "plus" if (match["charge_sign"] or match["flat_sign"]) in "⁺+" else "minus"
        number = self.language.cardinal(unicodedata.digit(count)) if count else ""
        return f"{number} {self._words[sign]}"

    def function(self, match: RegexMatch) -> str:
        """f(x), sin(x)."""
        said = self.language.v.tex.get(match["called"], match["called"])
        of = self._words["of"]
        return said if said.endswith(f" {of}") else f"{said} {of}"

    def multiple(self, match: RegexMatch) -> str:
        return (
            f"{self.language.number(match['multiplied'])} {self._words.get('multiple', self._words['times'])}"
        )

    def number(self, match: RegexMatch) -> str:
        value = match["value"]
        if self.language.looks_like_year(value):
            return self.language.year(value)
        return self.language.number(value, self.language.gender(match.string[match.end() : match.end() + 40]))

    def power(self, match: RegexMatch) -> str:
        raised = match["raised"]
        if raised and re.search(r"[^\W\d_]{4}$", match.string[max(0, match.start() - 4) : match.start()]):
            return ""  # a footnote
        return self.language.power(raised or match["grouped"] or match["exponent"])

    # ---- signs

    def comparison(self, match: RegexMatch) -> str:
        """ "less than" before a value, "is less than" between two."""
        operator = match["operator"].replace("===", "==").replace("!==", "!=")
        alone, between = self.language.v.comparisons[operator]
        before = match.string[max(0, match.start() - 40) : match.start()]
        if before.lower().rstrip().endswith(alone):
            return ""
        tight = before[-1:].isalnum()
        operand = re.search(r"(?:(?<![^\W_])[^\W_]|[\d)\]}%°²³])\s?$", before)
        return between if tight or operand else alone

    def minus(self, match: RegexMatch) -> str:
        """Between numbers that grow and are not said to be equal to something a dash is a range: "10 - 15 minutes"."""
        low = re.search(r"\d{1,9}(?:[.,]\d{1,9})?$", match.string[max(0, match.start() - 20) : match.start()])
        high = re.match(
            r"(\d{1,9}(?:[.,]\d{1,9})?)(?!\d|\s?[-+*/=^×÷])", match.string[match.end() : match.end() + 20]
        )
        if low and high and float(low[0].replace(",", ".")) < float(high[1].replace(",", ".")):
            return self._words["to"]
        return self._words["minus"]

    def slash(self, match: RegexMatch) -> str:
        """ "per" behind a number of something, as in "€/month"."""
        before = match.string[max(0, match.start() - 20) : match.start()]
        if re.search(r"[$€£]\s?[\d.,]+$|\d\s?(?:[$€£%]|[^\W\d_]{1,12})$", before):
            unit = match["per_unit"]
            return f"{self._words['per']} {self.language.v.unit(unit).one if unit else ''}"
        if match["per_unit"]:
            return f"{self._words['slash'] if self.language.code == 'en' else ''} {match['per_unit']}"
        return self._words["slash"] if self.language.code == "en" else ""

    def arrow(self, match: RegexMatch) -> str:
        symbols = self.language.v.symbols
        if match[0] == "=>":
            return self._words["arrow"]
        if match[0].startswith("<"):
            return symbols["↔" if match[0].endswith(">") else "←"]
        return symbols["→"]


def _currency(written: str) -> str:
    """US$ → $."""
    return written[-1] if written[-1:] in "$€£¥₹₩₽" else written


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isdigit() and 1100 <= int(text) <= 2099


TWICE: Mapping[str, Callable[[Readings, RegexMatch], str]] = {
    "url": lambda self, match: addresses.url(match[0].strip("<>"), self.language.v.code),
    "email": lambda self, match: addresses.email(
        match[0].strip("<>").removeprefix("mailto:"), self.language.v.code
    ),
    "domain": lambda self, match: addresses.url(match[0], self.language.v.code),
    "path": lambda self, match: addresses.path(match[0], self.language.v.code),
    "file": lambda self, match: addresses.path(match[0], self.language.v.code),
    "power": Readings.power,
    "raised_to": lambda self, match: self.language.power(match["raised_by"]),
}
"""What comes of these may hold numbers, which are read in their turn."""

ONCE: Mapping[str, Callable[[Readings, RegexMatch], str]] = {
    "abbreviation": Readings.abbreviation,
    "stamp": Readings.stamp,
    "duration": Readings.duration,
    "weekday": Readings.weekday,
    "weekdays": Readings.weekdays,
    "months": Readings.months,
    "alphabet": lambda self, match: self.language.range(match["letter_from"], match["letter_to"]),
    "ratio": Readings.ratio,
    "becomes": lambda self, match: (
        f"{self.language.v.symbols[{'-': '−', '*': '×', '/': '÷'}[match[0].strip()[0]]]} {self.language.v.symbols['=']}"
    ),
    "phone": lambda self, match: (
        (f"{self._words['plus']} " if match[0][0] == "+" else "") + self.language.phone(match[0])
    ),
    "version": Readings.version,
    "range": Readings.span,
    "money": Readings.money,
    "dimension": Readings.dimension,
    "scientific": Readings.scientific,
    "vulgar": Readings.vulgar,
    "fraction": Readings.fraction,
    "multiple": Readings.multiple,
    "measure": lambda self, match: self.language.measure(
        match["measured"], match["unit"], joined=match["joined"] is not None
    ),
    "large": lambda self, match: (
        f"{self.language.number(match['large_value'])} {self.language.magnitude(match['scale'])}"
    ),
    "number": Readings.number,
    "name": Readings.name,
    "initials": Readings.initials,
    "per_many": Readings.per_many,
    "angle": Readings.angle,
    "inch_mark": Readings.inch_mark,
    "charge": Readings.charge,
    "function": Readings.function,
    "shift": lambda self, match: self._words["shift_left" if match[0] == "<<" else "shift_right"],
    "comparison": Readings.comparison,
    "arrow": Readings.arrow,
    "slash": Readings.slash,
    "minus": Readings.minus,
    "greek": lambda self, match: self.language.v.greek[match[0]],
    "symbol": lambda self, match: self.language.v.symbols[match[0]],
}
