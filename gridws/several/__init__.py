"""Several monitors, one pool of engineers: one ordered log, and in each monitor a replica that applies all of it.

What happens at any monitor is appended to the log as a batch of events, an entry. Every monitor applies every entry, in
order, to a `Dispatcher` of its own, the same that a single monitor has; the monitor to which a turbine is linked
carries the commands out. There is no leader. That no two engineers go to one turbine follows from the total order and
from a dispatcher that decides the same everywhere; a chain of digests shows histories that have split.

The rules of the log. Code and tests cite them by these numbers.

1. A monitor has one append under way; what happens meanwhile goes into the next. Entries are applied in the order of
   their positions. The author too applies the values in the log, never its own copy of them.
2. An entry of a monitor that is no member is void, unless it begins with its joining; a joining is void where a later
   member id has joined already. A status and the end of a link count only from the member that holds the turbine's
   present link.
3. Between two links of one turbine at two monitors the later one wins, by the pool time at which each was made,
   whichever is told first; the other one is closed by its monitor.
4. A member that is lost loses the links of its turbines, all in one step. Who wrote the entry also writes the rows that
   the lost one could not; once a minute one member compares the rows of open repairs with its replica.
5. Pool time is monotonic: a monitor's own monotonic clock, and the largest lead over it that anything in the pool has
   shown. No wall clock moves a duration, but for the time in which no monitor lived at all.
6. An entry bears its author's number for it, and one that is not the next of that author is void. So an append of
   which nothing is known is said again under its number, and counts once. A chain that does not fit, or a position that
   goes back: the engineers are withdrawn, the state is loaded again, and the monitor joins anew.
7. An assignment that ends in what is read at once is not sent, nor one that will end by an `ok` which waits here to be
   said: its turbine broke again since. Nothing is sent by a monitor that is no member.
8. While the log cannot be reached events wait, those of a link made one: a few for each link, however long it takes.
9. A monitor that stops says so, and ends nobody else's repairs.

The lease. A member's beat moves each sixth of it. Others evict one whose beat stood still over a whole lease of their
own looks; the member itself stops sending a sixth of the lease before anybody can.

`entries` has the words of the log, `replica` the rules, `steps` what comes of them, `log` what a log must do and
`postgres_log` how PostgreSQL does it, `pending` what waits, `pool_clock` and `lease` the time, and `shared_dispatch` is
the port between all of it and a monitor.
"""
