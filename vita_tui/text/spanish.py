"""Spanish: "1.º" and "1ª", "21 días" and "21 horas", hours with an article, centuries in Roman numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vita_tui.text.language import Language, PatternPart, in_words, roman

__all__ = ["Spanish"]

ARTICLES = frozenset(("la", "el", "del", "al"))
PARTS = frozenset(
    "capítulo tomo acto parte anexo artículo título volumen libro escena fase nivel cap vol art t".split()
)
ORDINALS = (
    "primero",
    "segundo",
    "tercero",
    "cuarto",
    "quinto",
    "sexto",
    "séptimo",
    "octavo",
    "noveno",
    "décimo",
)
TENS = (
    "",
    "décimo",
    "vigésimo",
    "trigésimo",
    "cuadragésimo",
    "quincuagésimo",
    "sexagésimo",
    "septuagésimo",
    "octogésimo",
    "nonagésimo",
)


class Spanish(Language):
    code = "es"
    phones = r"\+\d{1,3}(?:[ .-]?\d{2,9}){1,5}|[6-9]\d\d(?:[ -]\d{3}){2}|[6-9]\d\d(?:[ -]\d\d){3}|[6-9]\d(?:[ -]\d{3})(?:[ -]\d\d){2}|[69]\d{8}"
    longest_decimals = 2
    singular_scales: Mapping[str, str] = {"millones": "millón", "billones": "billón"}

    def dates(self, number: str) -> tuple[PatternPart, ...]:
        month = self.v.month_pattern
        return (
            (
                "slashed",
                r"(?<![\w/])(?P<day>[0-3]?\d)[/.-](?P<month>0?[1-9]|1[0-2])[/.-](?P<year>(?:1\d|20)\d\d|\d\d)(?![\w/-]|[.,]\d)|(?<![\w/.,])(?P<short_day>[0-3]\d)/(?P<short_month>0[1-9])(?![\w/]|[.,]\d)",
            ),
            (
                "day_month",
                rf"(?<![\w.,:/])(?:(?P<dm_from>[0-3]?\d)\s?[-–]\s?)?(?P<dm_day>[0-3]?\d)\s(?:de\s)?(?P<dm_month>{month})(?!\w)",
            ),
            (
                "clock",
                r"(?<![\w:.,])(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:])(?:\s?h(?!\w)(?:\.(?=,|\s[a-z]))?)?|(?=\s(?:a|p)\.\s?m\.))(?!\w)",
            ),
        )

    def ranks(self) -> tuple[PatternPart, ...]:
        return (
            (
                "ordinal",
                r"(?<![\w.,])(?P<rank>\d{1,3})(?P<suffix>\.?[ºª°](?!\s?[CF]\b)|\.?(?:er|ro|ra|do|da|to|ta|mo|ma|vo|va|no|na)s?)(?!\w)",
            ),
            (
                "century",
                r"(?:(?<=\b[Ss]iglo )|(?<=\b[Ss]iglos )|(?<=[IVX] y ))(?P<century_roman>[IVX]{1,6})(?!\w)",
            ),
            ("ruler", r"(?:(?<=[a-záéíóúñ] )|(?<=[a-z]\. ))(?P<reign>[IVX]{1,6})(?!\w)"),
        )

    def read(self, kind: str, match: re.Match[str]) -> str:
        if kind == "slashed":
            return self.slashed(match)
        if kind == "day_month":
            start = f"{self.cardinal(int(match['dm_from']))} al " if match["dm_from"] else ""
            return start + self.date(int(match["dm_day"]), self.v.month_numbers[match["dm_month"]])
        if kind == "clock":
            return self.clock(match["hour"], match["minute"] or "", match["second"] or "")
        if kind == "ordinal":
            return self._rank(int(match["rank"]), match["suffix"])
        if kind == "century":
            return self.cardinal(roman(match["century_roman"]))
        name = re.search(r"(\w+)\.? $", match.string[max(0, match.start() - 30) : match.start()])
        if name and name[1] in PARTS:
            return self.cardinal(roman(match["reign"]))
        if name and name[1] in ARTICLES and re.match(r"\s[A-ZÁÉÍÓÚÑ][a-z]", match.string[match.end() :][:3]):
            return self._rank(roman(match["reign"]), "ª" if name[1] == "la" else "º")  # "la II Guerra"
        if not (name and name[1][0].isupper()):
            return match["reign"]
        value = roman(match["reign"])
        female = name[1].endswith("a") or name[1] == "Isabel"
        return self._rank(value, "ª" if female else "º") if value <= 10 else self.cardinal(value)

    # ----

    def cardinal(self, value: int, gender: str = "") -> str:
        said = in_words(value, "es")
        # Before "mil" and "millones" it is "veintiún" and "un".
        said = re.sub(r"veintiuno(?= )", "veintiún", said)
        said = re.sub(r"\buno(?= mil)", "un", said)
        if gender == "m" and said.endswith("uno"):
            said = said[:-9] + "veintiún" if said.endswith("veintiuno") else said[:-1]
        elif gender == "f":
            said = re.sub(r"uno$", "una", said)
            said = re.sub(r"(cient|quinient)os(?! mill)", r"\1as", said)
        return said

    def gender(self, after: str) -> str:
        noun = re.match(r"\s([a-záéíóúñü]+)", after)
        if noun is None:
            return ""
        if re.search(self.v.feminine, noun[1]):
            return "m" if re.search(self.v.masculine, noun[1]) else "f"
        return (
            "m"
            if len(noun[1]) > 2
            and not re.fullmatch(r"(?:que|por|con|del|una?|mil|más|menos|para|entre|hasta|sobre)", noun[1])
            else ""
        )

    def denominator(self, top: int, bottom: int) -> str:
        named = super().denominator(top, bottom)
        return named or (f"{self.cardinal(bottom)}avo{'s' if top != 1 else ''}" if 10 < bottom < 100 else "")

    def fraction(self, top: int, bottom: int, noun: str = "") -> str:
        if (top, bottom) == (1, 2) and noun:
            return "media" if self.gender(f" {noun}") == "f" else "medio"
        return super().fraction(top, bottom)

    def mixed(self, whole: str, top: int, bottom: int) -> str:
        if (top, bottom) == (1, 2):
            return f"{self.whole(whole)} y medio"
        return super().mixed(whole, top, bottom)

    def after_magnitude(self, scale: str, many: str) -> str:
        return many if scale == "mil" else f"de {many}"

    def with_cents(self, large: str, hundredths: int, cents: str) -> str:
        return f"{large} con {self.cardinal(hundredths, 'm')} {cents}"

    def clock(self, hour: str, minute: str, second: str = "") -> str:
        """14, 30 → catorce treinta; 9, 00 → nueve."""
        said = self.cardinal(int(hour), "f")
        if minute and (int(minute) or second):
            zero = "cero " if len(minute) == 2 and minute[0] == "0" and int(minute) else ""
            said += f" {zero}{self.cardinal(int(minute))}"
        if second:
            said += f" y {self.cardinal(int(second), 'm')} segundo{'' if int(second) == 1 else 's'}"
        return said

    def date(self, day: int, month: int, in_year: str = "") -> str:
        """6, 5, 2024 → seis de mayo de dos mil veinticuatro."""
        if not 1 <= day <= 31:
            raise ValueError(day)
        said = f"{self.cardinal(day)} de {self.v.months[month - 1][0]}"
        return f"{said} de {self.year(in_year)}" if in_year else said

    def _rank(self, value: int, suffix: str) -> str:
        if not 1 <= value <= 99:
            said = in_words(value, "es", "ordinal") if value else "cero"
        else:
            tens, ones = divmod(value, 10)
            said = " ".join(one for one in (TENS[tens], ORDINALS[ones - 1] if ones else "") if one)
            if value in (11, 12):
                said = "undécimo" if value == 11 else "duodécimo"
        if suffix.rstrip("s").endswith(("ª", "a")):
            said = re.sub(r"o\b", "a", said)
        elif suffix.endswith("er"):
            said = said.removesuffix("o")
        return said + ("s" if suffix.endswith("s") else "")
