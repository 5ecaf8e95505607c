"""From a question to a streamed reply: the prompt, the exchange with the language model, and its prefill."""
