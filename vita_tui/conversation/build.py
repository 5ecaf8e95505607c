"""Puts an assistant together from the settings: which engines, in which order, with which devices and store."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from vita_tui.abilities import service as abilities
from vita_tui.audio.base import Microphone, Speaker
from vita_tui.clock import Clock, SystemClock
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.components import Components
from vita_tui.conversation.expected_requests import ExpectedRequests
from vita_tui.conversation.profiles import Profiles
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Responder
from vita_tui.engines.stt.base import Expects, Recognizer
from vita_tui.engines.tts.base import Synthesizer
from vita_tui.events import EventBus
from vita_tui.health.process_memory import settle_allocator
from vita_tui.models.lookup import digests, known, missing, place
from vita_tui.sessions.stores import make_manager
from vita_tui.settings import EMBEDDED_REPLY, EMBEDDED_WINDOW, Settings
from vita_tui.settings.endpoints import Endpoint

__all__ = ["build", "recognizers", "responders", "served_recognizer", "synthesizers"]


ANY_MODEL = "default"
"""What a server is asked for that has but one model."""
TOOL_ROOM = 2048
"""Tokens that a model of the user's own has for tools, besides the conversation; the built-in one knows none."""


def build(
    settings: Settings,
    *,
    recognition: bool = True,
    speech: bool = True,
    thinking: bool = True,
    microphone: Microphone | None = None,
    speaker: Speaker | None = None,
    bus: EventBus | None = None,
    clock: Clock | None = None,
    upkeep: bool = False,
    asks: bool = False,
) -> Assistant:
    """An assistant with the engines, devices and store that `settings` ask for; nothing is loaded or opened yet.

    Args:
        recognition: understand speech; otherwise no microphone and no Whisper.
        speech: speak; otherwise no speaker and no voice.
        thinking: answer; otherwise no language model, and nothing is done without one.
        microphone, speaker: what to use instead of sound devices.
        asks: somebody answers whether a tool may be called.
        upkeep: keep figures and watch memory, as a program does that is open for days.
    """
    from vita_tui.audio.capture import DeviceMicrophone
    from vita_tui.audio.device_speaker import DeviceSpeaker
    from vita_tui.audio.echo import without_echo
    from vita_tui.engines.turn.smart_turn import SmartTurn

    settle_allocator()
    profiles = Profiles(settings)
    bus = bus or EventBus()
    # Without another clock the chains judge engines by the time in which the program ran.
    chains_clock, clock = clock, clock or SystemClock()
    real = microphone is None and speaker is None
    microphone = microphone or DeviceMicrophone(settings.audio.input)
    speaker = speaker or DeviceSpeaker(settings.audio.output)
    if recognition and speech and real:
        microphone = without_echo(microphone, speaker, settings.audio)
    requests = abilities.standard() if thinking else None
    expects = ExpectedRequests(requests, settings, clock) if requests is not None else None
    parts = Components(
        settings,
        responders=responders(settings, bus, chains_clock)
        if thinking
        else Chain("llm", [], settings.health, bus=bus, clock=chains_clock),
        synthesizers=synthesizers(settings, bus, chains_clock),
        recognizers=recognizers(settings, bus, chains_clock, expects),
        sessions=make_manager(settings.sessions, clock, bus),
        microphone=microphone if recognition else None,
        speaker=speaker if speech else None,
        scorer=SmartTurn(place("turn", "smart-turn")),
        bus=bus,
        clock=clock,
        makers={
            "stt": partial(recognizer_engines, expects=expects),
            "llm": responder_engines,
            "tts": synthesizer_engines,
        },
        profiles=profiles,
        abilities=requests,
        tools=thinking,
        asks=asks,
    )
    return Assistant(parts, upkeep=upkeep)


def recognizers(
    settings: Settings, bus: EventBus, clock: Clock | None = None, expects: Expects | None = None
) -> Chain[Recognizer]:
    """The chain of `recognizer_engines`."""
    engines = recognizer_engines(settings, expects)
    return Chain("stt", engines, settings.health, bus=bus, clock=clock, hedge=settings.stt.hedge)


def recognizer_engines(settings: Settings, expects: Expects | None = None) -> list[Recognizer]:
    """The servers and Whisper in the order of `stt.engines`.

    Args:
        expects: what may have been meant by a transcript of Whisper that is not certain.
    """
    stt = settings.stt
    engines: list[Recognizer] = []
    for name in stt.engines:
        if name == "local":
            engines += _whisper(settings, expects)
        else:
            engines.append(served_recognizer(name, stt.endpoints[name], stt.language, stt.words))
    return engines


def served_recognizer(
    name: str, endpoint: Endpoint, language: str = "en", words: tuple[str, ...] = ()
) -> Recognizer:
    """The recognizer on a server that its address asks for."""
    from vita_tui.engines.stt.served.openai_recognizer import OpenAIRecognizer
    from vita_tui.engines.stt.served.realtime_transcription import RealtimeRecognizer
    from vita_tui.engines.stt.served.wyoming_recognizer import WyomingRecognizer

    match endpoint.scheme:
        case "tcp":
            return WyomingRecognizer(name, endpoint, language=language, words=words)
        case "ws" | "wss":
            return RealtimeRecognizer(name, endpoint, language=language, words=words)
        case _:
            return OpenAIRecognizer(name, endpoint, language=language, words=words)


def _whisper(settings: Settings, expects: Expects | None) -> list[Recognizer]:
    """Whisper as asked for, with its own fallbacks when it does not load; then the fallback models, should it fail later."""
    from vita_tui.engines.stt.decoding.runaway import FULL_WINDOW
    from vita_tui.engines.stt.decoding.windows import WindowRule
    from vita_tui.engines.stt.runtime.loading import WhisperWeights
    from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer

    stt = settings.stt
    weights = [
        WhisperWeights(name, place("stt", name), digests=digests(name))
        for name in dict.fromkeys((stt.model, *stt.fallback))
        if name == stt.model or not missing("stt", name)
    ]
    return [
        WhisperRecognizer(
            *weights[first:],
            device=stt.device,
            compute_type=stt.compute_type,
            threads=stt.threads,
            rule=None if stt.short_windows else WindowRule(least=FULL_WINDOW),
            drafts=stt.drafts,
            # English-only models take no other language; "auto" means English there.
            language=stt.language,
            languages=stt.languages,
            words=stt.words,
            expects=expects,
        )
        for first in range(len(weights))
    ]


def responders(settings: Settings, bus: EventBus, clock: Clock | None = None) -> Chain[Responder]:
    """The chain of `responder_engines`."""
    # Slow is not broken: the server that the user has chosen is waited for, up to llm.timeout.
    return Chain("llm", responder_engines(settings), settings.health, bus=bus, clock=clock, slow_counts=False)


def responder_engines(settings: Settings) -> list[Responder]:
    """The servers and the built-in model in the order of `llm.engines`; it is the fallback when the servers are away."""
    from vita_tui.engines.llm.openai_server import OpenAIResponder

    llm = settings.llm
    engines: list[Responder] = []
    for name in llm.order:
        if name == "local":
            if engines and missing("llm", _built_in(settings)):
                continue
            engines.append(_embedded(settings))
            continue
        endpoint = llm.endpoints.get(name)
        engines.append(
            OpenAIResponder(
                endpoint.url if endpoint is not None else llm.base_url,
                (endpoint.model or ANY_MODEL) if endpoint is not None else llm.model,
                api_key=llm.api_key.get_secret_value(),
                endpoint=(name, endpoint) if endpoint is not None else None,
                timeout=(endpoint.timeout if endpoint is not None else 0.0) or llm.timeout,
                context_window=llm.context_window,
                temperature=llm.temperature,
            )
        )
    return engines


def _built_in(settings: Settings) -> str:
    """Name of the model that runs here; `llm.model` is that of the server of `llm.base_url`, where there is one."""
    llm = settings.llm
    return str(type(llm).model_fields["model"].default) if llm.base_url else llm.model


def _embedded(settings: Settings) -> Responder:
    from vita_tui.engines.llm.embedded import EmbeddedResponder

    llm, name = settings.llm, _built_in(settings)
    model = known(name)
    return EmbeddedResponder(
        place("llm", name),
        name=Path(name).stem if name.endswith(".gguf") else name,
        context_window=llm.context_window or EMBEDDED_WINDOW,
        longest_reply=(llm.max_tokens or EMBEDDED_REPLY) if llm.on_server else 0,
        timeout=llm.timeout,
        temperature=llm.temperature,
        threads=llm.threads or half_the_cores(),
        examples=model.examples if model is not None and llm.examples else (),
        repeat_penalty=model.repeat_penalty if model is not None else None,
        short_keys=model is not None and model.short_keys,
        tool_room=TOOL_ROOM if settings.tools.enabled and model is None else 0,
    )


def synthesizers(settings: Settings, bus: EventBus, clock: Clock | None = None) -> Chain[Synthesizer]:
    """The chain of `synthesizer_engines`."""
    return Chain("tts", synthesizer_engines(settings), settings.health, bus=bus, clock=clock)


def synthesizer_engines(settings: Settings) -> list[Synthesizer]:
    """The voices in the order of `tts.engines`; the system's before Piper's where Piper's speaks another language."""
    from vita_tui.engines.tts.piper import PiperSynthesizer
    from vita_tui.engines.tts.pyttsx3 import Pyttsx3Synthesizer
    from vita_tui.engines.tts.remote import RemoteSynthesizer

    tts = settings.tts
    engines: list[Synthesizer] = []
    for name in settings.voices:
        if name == "remote":
            if tts.base_url:
                engines.append(
                    RemoteSynthesizer(
                        tts.base_url,
                        tts.model,
                        voice=tts.remote_voice,
                        api_key=tts.api_key.get_secret_value(),
                        rate=tts.rate,
                        volume=tts.volume,
                        timeout=tts.timeout,
                    )
                )
        elif name == "piper":
            voice = place("tts", tts.voice)
            engines.append(PiperSynthesizer(voice, rate=tts.rate, volume=tts.volume, timeout=tts.timeout))
        elif name in tts.endpoints:
            engines.append(_served_voice(settings, name, tts.endpoints[name]))
        else:
            engines.append(
                Pyttsx3Synthesizer(
                    tts.system_voice,
                    rate=tts.rate,
                    volume=tts.volume,
                    timeout=tts.timeout,
                    language=settings.spoken_language,
                )
            )
    return engines


def _served_voice(settings: Settings, name: str, endpoint: Endpoint) -> Synthesizer:
    """The voice on a server that its address asks for."""
    from vita_tui.engines.tts.remote import RemoteSynthesizer
    from vita_tui.engines.tts.wyoming_voice import WyomingSynthesizer

    tts = settings.tts
    if endpoint.scheme == "tcp":
        return WyomingSynthesizer(name, endpoint, rate=tts.rate, volume=tts.volume, timeout=tts.timeout)
    return RemoteSynthesizer(
        endpoint.url,
        endpoint.model or type(tts).model_fields["model"].default,
        voice=endpoint.voice or type(tts).model_fields["remote_voice"].default,
        endpoint=(name, endpoint),
        rate=tts.rate,
        volume=tts.volume,
        timeout=endpoint.timeout or tts.timeout,
    )


def half_the_cores() -> int:
    """Threads for a model that computes beside others: on two cores one, so that no other program can make two wait for each other."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 2) // 2)
