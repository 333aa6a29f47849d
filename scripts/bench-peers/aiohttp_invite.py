#!/usr/bin/python3
"""What a good afternoon's script does that convoke does: invites a CSV of members, with asyncio, aiohttp and sqlite3.

    MELTINGSPOT_API_KEY=… aiohttp_invite.py MEMBERS.csv COURSE BASE_URL OUTCOMES.db

A peer for scripts/bench, and meant to be a fast one: one reading of the list, sqlite3 in WAL with batched statements,
kept-alive connections, updates by rowid and in large transactions. It does less than convoke where that costs time: no
intent on disk before a call, synchronous=NORMAL, no rate limits, no retries, no splitting.
"""
import asyncio
import csv
import itertools
import json
import os
import re
import sqlite3
import sys

import aiohttp

CHUNK = 100
CONNECTIONS = 8
ROWS_AN_INSERT = 10_000
CALLS_A_COMMIT = 50

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch

SCHEMA = """
CREATE TABLE member (
  row_id             INTEGER PRIMARY KEY,
  spot_member_id     TEXT NOT NULL UNIQUE,
  source_line        INTEGER NOT NULL,
  outcome            TEXT NOT NULL DEFAULT 'pending',
  http_status        INTEGER,
  participant_id     TEXT,
  participant_status TEXT,
  invited_at         TEXT,
  started_at         TEXT,
  completed_at       TEXT,
  unenrolled_at      TEXT,
  last_activity_at   TEXT,
  completion_rate    INTEGER
);
CREATE TABLE invalid_row (source_line INTEGER NOT NULL, value TEXT NOT NULL);
"""
INSERT = "INSERT OR IGNORE INTO member (spot_member_id, source_line) VALUES (?, ?)"
UPDATE = """
UPDATE member SET outcome = ?, http_status = ?, participant_id = ?, participant_status = ?, invited_at = ?, started_at = ?,
                  completed_at = ?, unenrolled_at = ?, last_activity_at = ?, completion_rate = ? WHERE row_id = ?
"""


def open_ledger(path):
    # The thread that records is not the one that opens; they take turns.
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA cache_size = -65536")
    db.executescript(SCHEMA)
    return db


def batches(rows, size):
    while batch := list(itertools.islice(rows, size)):
        yield batch


def load(db, path):
    invalid = []

    def members():
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            column = next(reader).index("spotMemberId")
            for row in reader:
                member = row[column].strip().lower() if column < len(row) else ""
                if UUID(member):
                    yield member, reader.line_num
                else:
                    invalid.append((reader.line_num, member))

    db.execute("BEGIN")
    for batch in batches(members(), ROWS_AN_INSERT):
        db.executemany(INSERT, batch)
    db.executemany("INSERT INTO invalid_row VALUES (?, ?)", invalid)
    db.execute("COMMIT")


def due_chunks(db):
    """The pending members in chunks. Pages by row_id, so that no statement stays open while others write."""
    last = 0
    while page := db.execute("SELECT row_id, spot_member_id FROM member WHERE row_id > ? AND outcome = 'pending' "
                             "ORDER BY row_id LIMIT ?", (last, CHUNK * 100)).fetchall():
        last = page[-1][0]
        yield from (page[at:at + CHUNK] for at in range(0, len(page), CHUNK))


def updates_of(chunk, status, body):
    """One row for UPDATE per member of the chunk, matched by id."""
    if status == 200:
        return [("already_invited", 200) + (None,) * 8 + (row_id,) for row_id, _ in chunk]
    if status != 201:
        return [("failed", status) + (None,) * 8 + (row_id,) for row_id, _ in chunk]
    participants = {p["spotMemberId"]: p for p in json.loads(body)}
    rows = []
    for row_id, member in chunk:
        p = participants.get(member)
        if p is None:  # asked again next time
            continue
        rows.append(("invited", 201, p["id"], p["status"], p["invitedAt"], p["startedAt"], p["completedAt"],
                     p["unenrolledAt"], p["lastActivityAt"], p["completionRate"], row_id))
    return rows


async def send(session, path, chunks, answered):
    for chunk in chunks:  # the workers share one iterator
        async with session.post(path, data=json.dumps({"spotMemberIds": [member for _, member in chunk]})) as response:
            await answered.put(updates_of(chunk, response.status, await response.read()))


def write(db, rows):
    db.execute("BEGIN")
    db.executemany(UPDATE, rows)
    db.execute("COMMIT")


async def record(db, answered):
    rows, calls = [], 0
    while (answer := await answered.get()) is not None:
        rows += answer
        calls += 1
        if calls == CALLS_A_COMMIT:
            write(db, rows)
            rows, calls = [], 0
    write(db, rows)


async def invite(db, course, base_url):
    headers = {"Authorization": os.environ["MELTINGSPOT_API_KEY"], "Content-Type": "application/json"}
    answered = asyncio.Queue(maxsize=2 * CALLS_A_COMMIT)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(base_url, headers=headers, connector=connector) as session:
        recorder = asyncio.create_task(record(db, answered))
        chunks = due_chunks(db)
        path = f"/v1/courses/{course}/participants~bulkInvite"
        await asyncio.gather(*(send(session, path, chunks, answered) for _ in range(CONNECTIONS)))
        await answered.put(None)
        await recorder


def main():
    source, course, base_url, ledger = sys.argv[1:]
    db = open_ledger(ledger)
    load(db, source)
    asyncio.run(invite(db, course, base_url))
    for outcome, members in db.execute("SELECT outcome, count(*) FROM member GROUP BY outcome"):
        print(outcome, members)
    db.close()


main()
