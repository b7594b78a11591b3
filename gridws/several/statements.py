"""What `postgres_log` says to the database.

Parameters of all that append: the pool, pool time, the author's wall clock, its member id, the events, the rules; then
what each has of its own.
"""

from __future__ import annotations

from typing import Final

from .log import MISSING

_MOVED: Final = """
moved AS (UPDATE pools SET position = position + 1, seconds = greatest(seconds, $2), chain = md5(chain || $5)
    WHERE pool = $1 AND rules = $6 {} RETURNING position, seconds, chain),
noted AS (INSERT INTO dispatch_log (pool, position, seconds, at, member_id, events, chain)
    SELECT $1, position, seconds, $3, $4, $5, chain FROM moved),
told AS (SELECT pg_notify('gridws_' || $1, position::text) FROM moved)
"""
_APPENDED: Final = "SELECT position, seconds, chain FROM moved, told"
APPEND: Final = f"WITH {_MOVED.format('')} {_APPENDED}"
JOIN: Final = f"""
WITH {_MOVED.format("")},
gone AS (DELETE FROM members WHERE member_id = ANY($7::bigint[]) AND EXISTS (SELECT FROM moved)),
come AS (INSERT INTO members (member_id, pool, writer_id, url, lease, seconds)
    SELECT $4, $1, $8, $9, $10, seconds FROM moved)
{_APPENDED}
"""
LEAVE: Final = f"WITH {_MOVED.format('')}, gone AS (DELETE FROM members WHERE member_id = $4) {_APPENDED}"
_IS_LOST: Final = f"""
AND (EXISTS (SELECT FROM gone) OR ($8 = {MISSING} AND NOT EXISTS (SELECT FROM members WHERE member_id = $7)))
"""
EVICT: Final = f"""
WITH gone AS (DELETE FROM members WHERE member_id = $7 AND beat = $8 RETURNING member_id),
{_MOVED.format(_IS_LOST)} {_APPENDED}
"""
READ: Final = """
SELECT p.position AS last, p.chain AS last_chain, l.position, l.seconds, l.at, l.member_id, l.events, l.chain
FROM pools p LEFT JOIN LATERAL (
    SELECT * FROM dispatch_log d WHERE d.pool = p.pool AND d.position > $2 ORDER BY d.position LIMIT $3) l ON true
WHERE p.pool = $1 ORDER BY l.position
"""
BEAT: Final = """
WITH beaten AS (UPDATE members SET beat = beat + 1, seconds = $3 WHERE member_id = $2
    RETURNING member_id, beat, seconds, lease)
SELECT member_id, beat, seconds, lease FROM members WHERE pool = $1 AND member_id IS DISTINCT FROM $2
UNION ALL SELECT member_id, beat, seconds, lease FROM beaten
"""
MEMBERS: Final = "SELECT member_id, beat, seconds, lease FROM members WHERE pool = $1"
NEWEST: Final = "SELECT state FROM dispatch_snapshots WHERE pool = $1 ORDER BY position DESC LIMIT 1"
CHANGE_RULES: Final = """
UPDATE pools SET rules = $3 WHERE pool = $1 AND rules = $2 AND NOT EXISTS (SELECT FROM members WHERE pool = $1)
RETURNING true
"""
LIFELESS: Final = """
DELETE FROM members m USING unnest($2::bigint[], $3::bigint[]) k (member_id, beat)
WHERE m.pool = $1 AND m.member_id = k.member_id AND m.beat = k.beat
"""
KEEP: Final = """
INSERT INTO dispatch_snapshots (pool, position, chain, state) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
GO_SNAPSHOTS: Final = """
DELETE FROM dispatch_snapshots WHERE pool = $1 AND position < (
    SELECT min(position) FROM (
        SELECT position FROM dispatch_snapshots WHERE pool = $1 ORDER BY position DESC LIMIT 2) newest)
"""
GO_ENTRIES: Final = """
DELETE FROM dispatch_log WHERE pool = $1 AND position = ANY(ARRAY(
    SELECT position FROM dispatch_log WHERE pool = $1
        AND position <= (SELECT min(position) FROM dispatch_snapshots WHERE pool = $1) ORDER BY position LIMIT $2))
"""
END_SESSIONS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()
"""
OPEN_REPAIRS: Final = """
SELECT id, turbine_number, engineer_id, broken_at, assigned_at FROM repairs
WHERE ended_at IS NULL ORDER BY id LIMIT 10000
"""
LAST_ASSIGNMENT: Final = """
SELECT greatest((SELECT coalesce(max(id), 0) FROM repairs), (SELECT coalesce(max(first_assignment_id), 0) FROM writers))
"""
BORN: Final = """
INSERT INTO pools (pool, position, seconds, chain, rules) VALUES ($1, 0, 0, '', $2)
ON CONFLICT DO NOTHING RETURNING true
"""
POOL_ROW: Final = "SELECT seconds, rules FROM pools WHERE pool = $1"
NEW_MEMBER: Final = "SELECT nextval('member_ids')"
