"""The monitor without a network: sessions, readings, engineers, and what people are told.

Begin with `monitor`, which has `GridMonitor`; `parts` says what it is made of, and who knows whom. All that a frame
does, it does in one step of the event loop, without an await. Nothing on these ways leads back up.

* A reading: `session.receive` parses it; `collect_metrics` has it stored and dispatched on; `store_metrics` queues it;
  `WriteQueue.append` takes it and moves its stream's cursor; `WriteQueue.run` commits it with many others; `Acks` finds
  the session whose stream it is, which sends the `ack`. For nearly all readings the server's `quick_way` does this up
  to the queue, in one function; what is to be changed is changed in both.
* A `broken`: `status_reported`, where it is news to `FleetState`; `dispatch_engineer` tells the dispatch port; whenever
  the port answers, `Dispatching.carry_out` sends `engineer_assigned`, queues the row and tells people.
* A lost link: `session_ended`, which tells the port in the same step; the engineer goes on as above.
* What time brings (silence, deadlines, acks held back, resyncs): `Rounds.make`, four times a second.
* What viewers see: `Chronicle` writes sentences, `FleetState` has the present state, `FleetWatch` brings both to them.
* What happens at other monitors of the pool: the dispatch port hands it over, `Dispatching.carry_out` shows it and
  tells viewers; `ReadingsElsewhere` looks up the readings.
"""
