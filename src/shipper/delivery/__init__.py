"""From processed chunks to Loki's acknowledgement.

    delivery    the facade: add, run, drain, close           commit      settled spans to the journal
    batch       batches of spans, and the pushes of them     piece       entries of one span and stream, and their cuts
    sender      the queue: what may go, how many at once     settle      the books
    client      HTTP                                         wire        Loki's protobuf
    replies     what a reply means                           reactions   what is done about it
    isolate     which entries a refusal names                refusals    what becomes of those
    verify      asking Loki what it has                      asking      settling by the answer
    streams     what is known of each stream                 pace        yielding to 429
    holds       waiting for a wrong set-up to be mended      backoff     pauses
    report      what an ingester says of a stream it took in part

An entry leaves delivery in one of three ways: Loki took it, a rule of the configuration dropped it, or it is a dead
letter.
"""
