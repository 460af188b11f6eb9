"""From processed chunks to Loki's acknowledgement: batches, pushes, reactions, dead letters."""
