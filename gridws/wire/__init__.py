"""What crosses a WebSocket: every frame, text to frames and back, and the rules of the protocol.

`frames` has every frame and is the only place where text becomes frames and back; `metrics_frame` is the quick way
for readings, `watch_frames` has what viewers get, `framing` finds where frames begin and end in bytes.

The protocol's rules, version 1 (`gridws.v1`). Code and tests cite them by these numbers.

1. Simple clients work. A client that only sends `metrics` is stored and served, and gets no `welcome` and no `ack`.
   `hello` is optional; a `sequence` without it is ignored. A client that offers no sub-protocol is served as version 1;
   one that offers only others is refused with HTTP 400. Unknown fields are ignored; a wrong type is refused, and a
   string is never taken for a number.
2. Store and forward. A turbine that said `hello` numbers its readings and keeps each until it is acknowledged; at most
   500 are on the way. After `welcome` it sends, in order, what is newer than `last_sequence`.
   * What was taken before this `hello` is `historical`, and so is a reading that a `status` with a change overtook:
     stored, never dispatched on.
   * `welcome` and `ack` name committed sequences only. An `ack` comes within a second while the disk works; all links
     together get 500 a second.
   * A sequence at or below the cursor is acknowledged again and not stored again. A live one among them still tells
     its status; one that this link has not sent itself gets `sequence_used`: two runs use one stream name.
   * A jump ahead is taken: the turbine dropped the rest, which is counted as lost. What it left out and comes all the
     same is not stored, and gets `sequence_used`.
   * Where the monitor dropped a reading, or a commit failed, that stream takes nothing more until the next `hello`,
     which `resync` asks for. Between `hello` and `welcome` it takes nothing either. Statuses of live readings count
     all the while.
   * Another `hello` on the same link keeps the session, and the engineer.
   * The turbine sends `status` right after `hello`, on a change that no live reading can tell at once, and when
     nothing else went up for a third of the silence time-out.
3. A change of status goes up at once, not at the next tick: a turbine that is repaired and breaks again between two
   ticks must not look as if it had never been repaired.
4. A frame that is wrong costs that frame: it gets `error`, the link and the engineer stay, nobody else notices. Ten
   within a minute close the link (1008). A binary frame closes it with 1003, bytes that are not UTF-8 with 1007, more
   than 64 KiB with 1009. A frame that names another turbine moves no cursor. A reading of the right turbine whose
   other fields are wrong is counted and passed over, so that it cannot block its stream, if its `sequence` lies within
   the window of 500; a larger jump is believed from a valid reading only.
5. One link a turbine, and the newest wins. The older session ends, with its engineer, and is closed with 4001;
   whatever it still does changes nothing. Its client waits a minute before it comes back.
6. Silence is loss. A turbine that sent no frame for three times its upload frequency, but no less than 5 s and no more
   than 60 s (60 s where it declared none), is closed with 4002 and counts as lost. Frames prove life, pongs do not.
   Nobody is judged while the monitor itself was stalled. The other way round, a turbine at which an engineer is pings
   every 3 s, and leaves a monitor of which it heard nothing for 5 s after a ping.
7. A monitor that stops closes with 1012. Turbines come back after random delays that grow from 1 s to 30 s. One that
   has more links than others of its pool closes some with 4003. After either a client that knows several monitors
   goes on to the next.
8. Viewers slow nobody down. `/ws/watch` begins with a `snapshot`; changes of one turbine are merged while its viewer is
   slow, so the newest state wins. `/ws/frames` drops frames of a viewer that is too slow, and says how many. One that
   takes nothing for 5 s is cut.
"""
