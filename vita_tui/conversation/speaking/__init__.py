"""From reply tokens to sound: clauses, synthesis, playback, and the ledger of what was heard."""
