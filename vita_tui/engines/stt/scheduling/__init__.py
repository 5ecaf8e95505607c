"""Which decode runs when: finals first, partial transcripts replaced and never queued."""
