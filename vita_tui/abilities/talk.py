"""The conversation itself: again, louder, slower, new, and what can be asked for."""

from __future__ import annotations

from collections.abc import Sequence

from vita_tui.abilities.base import Answer, Context, Match, Request
from vita_tui.abilities.phrases import data, languages

__all__ = ["Talk"]

STEPS = {
    "Louder": ("volume", 0.2),
    "Quieter": ("volume", -0.2),
    "Faster": ("rate", 0.2),
    "Slower": ("rate", -0.2),
}
LIMITS = {"volume": (0.2, 1.0), "rate": (0.5, 2.0)}
"""Beyond these nothing is understood any more; silence is "mute"."""


class Talk:
    """Steers the conversation."""

    intents: Sequence[str] = (
        "Repeat", "NeverMind", "StopTalking", "NewConversation", *STEPS, "NormalVoice", "HandsFreeOn", "HandsFreeOff",
        "SwitchLanguage", "AnotherVoice", "Mute", "Unmute", "AskedBefore", "Help",
    )  # fmt: skip

    def answer(self, match: Match, context: Context) -> Answer | None:
        match match.intent:
            case "Repeat":
                return (
                    Answer("again", {"reply": context.last_reply})
                    if context.last_reply
                    else Answer("nothing_said")
                )
            case "NeverMind":
                return Answer("never_mind", requests=(Request("stop"),))
            case "StopTalking":
                return Answer("stopped", requests=(Request("stop"),))
            case "NewConversation":
                return Answer("new_conversation", requests=(Request("new_conversation"),))
            case "Louder" | "Quieter" | "Faster" | "Slower":
                return self._step(match.intent, context)
            case "NormalVoice":
                return Answer("normal_voice", requests=(Request("rate", 1.0), Request("volume", 1.0)))
            case "HandsFreeOn" | "HandsFreeOff":
                on = match.intent == "HandsFreeOn"
                return Answer(
                    "hands_free_on" if on else "hands_free_off", requests=(Request("hands_free", on),)
                )
            case "SwitchLanguage":
                return self._language(match, context)
            case "AnotherVoice":
                return self._voice(context)
            case "Mute" | "Unmute":
                muted = match.intent == "Mute"
                return Answer("muted" if muted else "unmuted", requests=(Request("mute", muted),))
            case "AskedBefore":
                if not context.asked_before:
                    return Answer("nothing_asked")
                return Answer("asked_before", {"question": context.asked_before[-1]})
            case _:
                return Answer("help")

    def _language(self, match: Match, context: Context) -> Answer:
        code = str(match.slots["spoken_language"])
        if context.english_only and code != "en":
            return Answer("english_only")
        if code in languages():
            return Answer("language_now", requests=(Request("language", code),), language=code)
        # Whoever does not know a language well is told in the one before.
        name = data(match.language)["languages"][code]
        return Answer("language_next", {"language": name}, (Request("next_language", code),))

    def _voice(self, context: Context) -> Answer:
        if len(context.voices) < 2:
            return Answer("no_other_voice")
        return Answer(
            "another_voice", requests=(Request("voices", (*context.voices[1:], context.voices[0])),)
        )

    def _step(self, intent: str, context: Context) -> Answer:
        name, step = STEPS[intent]
        now = context.volume if name == "volume" else context.rate
        low, high = LIMITS[name]
        wanted = round(min(high, max(low, now + step)), 2)
        if (wanted - now) * step <= 0:
            return Answer(f"{intent.lower()}_not")
        return Answer(intent.lower(), requests=(Request(name, wanted),))
