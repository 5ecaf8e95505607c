"""Wyoming, the protocol of Home Assistant's voice assistants: recognition, voice and wake word over one connection each."""
