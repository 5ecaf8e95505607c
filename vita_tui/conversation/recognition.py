"""From utterances to words: partial transcripts while the user speaks, and a final one that is usually ready at the end.

`Recognition` is what the listener reports to. It hands audio to the whisper thread and tells the assistant, on the asyncio
loop, what was understood. At the first short silence it has the final decode started speculatively (a draft); speech that
goes on throws it away, and an utterance that ends there claims it.
"""
