"""The schema, as a list of numbered steps; append only, never edit one that was released.

Instants are ISO 8601 UTC text, exact numbers are "n/d" text, structured values are JSON.
"""

from __future__ import annotations

import sqlite_utils
from sqlite_utils import Migrations

MIGRATIONS = Migrations("fairlead")


def _run(db: sqlite_utils.Database, statements: str) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            db.conn.execute(statement)


@MIGRATIONS(name="0001_foundation")
def _foundation(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

        CREATE TABLE connectors (
            crm TEXT PRIMARY KEY, baseline TEXT NOT NULL, our_ids TEXT NOT NULL,
            ready INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE cursors (
            crm TEXT NOT NULL, kind TEXT NOT NULL, position TEXT NOT NULL,
            covered_until TEXT NOT NULL, PRIMARY KEY (crm, kind)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE owners (
            crm TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
            email TEXT, active INTEGER NOT NULL, PRIMARY KEY (crm, id)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE accounts (
            crm TEXT NOT NULL, object TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
            owner_id TEXT, type TEXT, industry TEXT, employees INTEGER, parent_id TEXT,
            version TEXT NOT NULL, PRIMARY KEY (crm, object, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE account_domains (
            domain TEXT NOT NULL, crm TEXT NOT NULL, object TEXT NOT NULL, id TEXT NOT NULL,
            PRIMARY KEY (domain, crm, object, id)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE persons (
            id TEXT PRIMARY KEY, generation INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE identity (
            key TEXT PRIMARY KEY, person_id TEXT NOT NULL REFERENCES persons (id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE leads (
            crm TEXT NOT NULL, object TEXT NOT NULL, id TEXT NOT NULL,
            person_id TEXT NOT NULL REFERENCES persons (id),
            state TEXT NOT NULL, reason TEXT NOT NULL,
            owner_id TEXT, version TEXT NOT NULL, created_at TEXT, first_seen_at TEXT NOT NULL,
            decision_id TEXT, decided_at TEXT, shared_key TEXT, retry_at TEXT,
            PRIMARY KEY (crm, object, id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX leads_person ON leads (person_id);
        CREATE INDEX leads_state ON leads (state, retry_at);

        CREATE TABLE policies (
            hash TEXT PRIMARY KEY, files TEXT NOT NULL, main TEXT NOT NULL,
            first_used_at TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE rosters (
            hash TEXT PRIMARY KEY, content BLOB NOT NULL, first_used_at TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE decisions (
            id TEXT PRIMARY KEY, person_id TEXT NOT NULL, generation INTEGER NOT NULL,
            attempt INTEGER NOT NULL, crm TEXT NOT NULL, object TEXT NOT NULL,
            lead_id TEXT NOT NULL, at TEXT NOT NULL,
            policy_hash TEXT NOT NULL REFERENCES policies (hash),
            roster_hash TEXT NOT NULL REFERENCES rosters (hash), inputs BLOB NOT NULL,
            outcome TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, rule TEXT NOT NULL,
            rep_id TEXT, owner_id TEXT
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX decisions_lead ON decisions (crm, object, lead_id);

        CREATE TABLE balances (
            pool TEXT NOT NULL, rep_id TEXT NOT NULL, balance TEXT NOT NULL,
            received INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (pool, rep_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE ledger (
            seq INTEGER PRIMARY KEY, at TEXT NOT NULL, decision_id TEXT NOT NULL,
            pool TEXT NOT NULL, rep_id TEXT NOT NULL, delta TEXT NOT NULL, reason TEXT NOT NULL
        ) STRICT;
        CREATE INDEX ledger_decision ON ledger (decision_id);

        CREATE TABLE outbox (
            key TEXT PRIMARY KEY, crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL,
            kind TEXT NOT NULL, payload TEXT NOT NULL, state TEXT NOT NULL,
            urgent INTEGER NOT NULL, seq INTEGER NOT NULL, not_before TEXT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0, decision_id TEXT NOT NULL,
            created_at TEXT NOT NULL,
            guard_history TEXT, remote_id TEXT, detail TEXT NOT NULL DEFAULT '', settled_at TEXT
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX outbox_due ON outbox (crm, state, not_before);
        CREATE INDEX outbox_lead ON outbox (crm, object, lead_id);

        CREATE TABLE journal (
            seq INTEGER PRIMARY KEY, at TEXT NOT NULL, event TEXT NOT NULL, crm TEXT, object TEXT,
            lead_id TEXT, decision_id TEXT, effect_key TEXT, detail TEXT NOT NULL
        ) STRICT;
        CREATE INDEX journal_lead ON journal (crm, object, lead_id);

        CREATE TABLE dead_letters (
            id INTEGER PRIMARY KEY, crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL,
            stage TEXT NOT NULL, reason TEXT NOT NULL, version TEXT NOT NULL, effect_key TEXT,
            at TEXT NOT NULL, state TEXT NOT NULL, closed_at TEXT
        ) STRICT;
        CREATE UNIQUE INDEX dead_letters_open ON dead_letters (crm, object, lead_id, stage)
            WHERE state = 'open'
        """,
    )


@MIGRATIONS(name="0002_bounded_tries")
def _bounded_tries(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        ALTER TABLE leads ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE outbox ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE outbox ADD COLUMN retrying_since TEXT;
        ALTER TABLE outbox ADD COLUMN looks INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX outbox_seq ON outbox (seq)
        """,
    )


@MIGRATIONS(name="0003_availability")
def _availability(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE rep_switches (
            rep_id TEXT PRIMARY KEY, back_since TEXT, away_since TEXT, away_until TEXT,
            reason TEXT NOT NULL DEFAULT ''
        ) STRICT, WITHOUT ROWID;
        ALTER TABLE leads ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE leads ADD COLUMN waits_for TEXT NOT NULL DEFAULT '';
        ALTER TABLE decisions ADD COLUMN refunded INTEGER NOT NULL DEFAULT 0;
        UPDATE decisions SET refunded = 1
            WHERE id IN (SELECT decision_id FROM ledger WHERE reason = 'refund');
        CREATE INDEX leads_owner ON leads (crm, owner_id);
        CREATE INDEX decisions_rep ON decisions (rep_id, at)
        """,
    )


@MIGRATIONS(name="0004_crm_availability")
def _crm_availability(db: sqlite_utils.Database) -> None:
    _run(db, "ALTER TABLE owners ADD COLUMN availability TEXT")


@MIGRATIONS(name="0005_last_decisions")
def _last_decisions(db: sqlite_utils.Database) -> None:
    _run(db, "CREATE INDEX IF NOT EXISTS decisions_at ON decisions (at)")


@MIGRATIONS(name="0006_batches")
def _batches(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE batches (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, at TEXT NOT NULL, by_whom TEXT NOT NULL,
            reason TEXT NOT NULL, asked TEXT NOT NULL, leaving TEXT NOT NULL, team TEXT,
            policy_hash TEXT NOT NULL, looked_at INTEGER NOT NULL, left_out TEXT NOT NULL,
            state TEXT NOT NULL, exactly INTEGER NOT NULL DEFAULT 0,
            applied_by TEXT, applied_at TEXT, ended_at TEXT, note TEXT NOT NULL DEFAULT ''
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE batch_leads (
            batch_id TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
            seq INTEGER NOT NULL,
            crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL,
            person_id TEXT NOT NULL, taken_from TEXT, outcome TEXT NOT NULL, rule TEXT NOT NULL,
            pool TEXT, rep_id TEXT, owner_id TEXT, reason TEXT NOT NULL,
            state TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', decision_id TEXT,
            PRIMARY KEY (batch_id, seq)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX batch_leads_state ON batch_leads (batch_id, state, seq)
        """,
    )


@MIGRATIONS(name="0007_shadow")
def _shadow(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE shadows (
            policy_hash TEXT PRIMARY KEY REFERENCES policies (hash), since TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE shadow_balances (
            policy_hash TEXT NOT NULL, pool TEXT NOT NULL, rep_id TEXT NOT NULL,
            balance TEXT NOT NULL, PRIMARY KEY (policy_hash, pool, rep_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE shadow_leads (
            policy_hash TEXT NOT NULL, crm TEXT NOT NULL, object TEXT NOT NULL,
            lead_id TEXT NOT NULL, generation INTEGER NOT NULL, decision_id TEXT NOT NULL,
            at TEXT NOT NULL,
            was_outcome TEXT NOT NULL, was_rule TEXT NOT NULL, was_place TEXT NOT NULL,
            was_rep_id TEXT, was_owner_id TEXT,
            outcome TEXT NOT NULL, rule TEXT NOT NULL, place TEXT NOT NULL,
            rep_id TEXT, owner_id TEXT,
            reason TEXT NOT NULL, kind TEXT NOT NULL, direct INTEGER NOT NULL, retry_at TEXT,
            ledger TEXT NOT NULL, back INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (policy_hash, crm, object, lead_id, generation)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX shadow_leads_decision ON shadow_leads (decision_id);
        CREATE INDEX shadow_leads_due ON shadow_leads (policy_hash, retry_at)
            WHERE retry_at IS NOT NULL;
        CREATE INDEX shadow_leads_back ON shadow_leads (policy_hash) WHERE back IN (1, 3, 5);
        CREATE INDEX shadow_leads_rep ON shadow_leads (policy_hash, rep_id, at)
        """,
    )


@MIGRATIONS(name="0008_methods")
def _methods(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        ALTER TABLE leads ADD COLUMN numbers TEXT NOT NULL DEFAULT '';
        CREATE TABLE claims (
            crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL, team TEXT NOT NULL,
            state TEXT NOT NULL, decision_id TEXT NOT NULL, queue_id TEXT NOT NULL,
            offered_at TEXT NOT NULL, until TEXT, pool TEXT NOT NULL, claimants TEXT NOT NULL,
            task TEXT, rep_id TEXT, settled_at TEXT,
            PRIMARY KEY (crm, object, lead_id, team)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX claims_due ON claims (crm, state, until);
        CREATE INDEX ledger_rep ON ledger (rep_id, at)
        """,
    )


@MIGRATIONS(name="0009_cover_and_peaks")
def _cover_and_peaks(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        ALTER TABLE rep_switches ADD COLUMN cover TEXT NOT NULL DEFAULT '';
        CREATE TABLE peaks (team TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT, WITHOUT ROWID
        """,
    )


@MIGRATIONS(name="0010_beside_the_rotation")
def _beside_the_rotation(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE wins (
            decision_id TEXT PRIMARY KEY, at TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE team_weights (
            team TEXT NOT NULL, rep_id TEXT NOT NULL, factor TEXT NOT NULL, at TEXT NOT NULL,
            PRIMARY KEY (team, rep_id)
        ) STRICT, WITHOUT ROWID
        """,
    )
    # Refunds used to move the rotation itself: such a pool begins again, and owes what it held.
    moved = db.execute(
        "SELECT pool, rep_id, balance FROM balances WHERE balance <> '0' AND pool IN"
        " (SELECT pool FROM ledger WHERE reason = 'refund')"
    ).fetchall()
    for pool, rep, balance in moved:
        less = balance[1:] if balance.startswith("-") else f"-{balance}"
        for account, delta in ((pool, less), (f"beside {pool}", balance)):
            db.execute(
                "INSERT INTO ledger (at, decision_id, pool, rep_id, delta, reason)"
                " SELECT max(at), '', ?, ?, ?, 'carried over' FROM ledger",
                (account, rep, delta),
            )
        db.execute("UPDATE balances SET balance = '0' WHERE pool = ? AND rep_id = ?", (pool, rep))
        db.execute(
            "INSERT INTO balances (pool, rep_id, balance) VALUES (?, ?, ?)",
            (f"beside {pool}", rep, balance),
        )


@MIGRATIONS(name="0011_scores")
def _scores(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE scores (
            crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL,
            score INTEGER NOT NULL, grade TEXT NOT NULL, at TEXT NOT NULL, due_at TEXT,
            PRIMARY KEY (crm, object, lead_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX scores_due ON scores (crm, due_at) WHERE due_at IS NOT NULL
        """,
    )


@MIGRATIONS(name="0012_clocks")
def _clocks(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE clocks (
            id TEXT PRIMARY KEY, crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL,
            person_id TEXT NOT NULL, sla TEXT NOT NULL, decision_id TEXT NOT NULL,
            owner_id TEXT NOT NULL, rep_id TEXT, team TEXT, status TEXT, since TEXT NOT NULL,
            pauses TEXT NOT NULL DEFAULT '[]', paused_since TEXT,
            by_person INTEGER NOT NULL DEFAULT 0, after TEXT, upto TEXT,
            accepted_at TEXT, ended_at TEXT, how TEXT NOT NULL DEFAULT 'running',
            late INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX clocks_lead ON clocks (crm, object, lead_id);
        CREATE INDEX clocks_person ON clocks (person_id);
        CREATE INDEX clocks_running ON clocks (crm, since) WHERE ended_at IS NULL;
        CREATE TABLE clock_steps (
            clock_id TEXT NOT NULL REFERENCES clocks (id), step TEXT NOT NULL,
            number INTEGER NOT NULL, crm TEXT NOT NULL, due_at TEXT, look_at TEXT, fired_at TEXT,
            PRIMARY KEY (clock_id, step)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX clock_steps_due ON clock_steps (crm, look_at)
            WHERE fired_at IS NULL AND look_at IS NOT NULL
        """,
    )


@MIGRATIONS(name="0013_signals")
def _signals(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE signals (
            crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL,
            name TEXT NOT NULL, evidence TEXT NOT NULL, at TEXT NOT NULL,
            PRIMARY KEY (crm, object, lead_id, name, evidence)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE signal_looks (
            crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL, due_at TEXT NOT NULL,
            PRIMARY KEY (crm, object, lead_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX signal_looks_due ON signal_looks (crm, due_at, object, lead_id);
        CREATE TABLE signal_cursors (
            crm TEXT PRIMARY KEY, asked TEXT NOT NULL, position TEXT NOT NULL,
            covered_until TEXT NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
    )


@MIGRATIONS(name="0015_recycling")
def _recycling(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE recyclings (
            id TEXT PRIMARY KEY, person_id TEXT NOT NULL, cycle INTEGER NOT NULL,
            crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL,
            kind TEXT NOT NULL, reason TEXT NOT NULL, owner_id TEXT, rep_id TEXT,
            since TEXT NOT NULL, cool_until TEXT, due_at TEXT, due_why TEXT NOT NULL DEFAULT '',
            look_at TEXT, waits TEXT NOT NULL DEFAULT '', told INTEGER NOT NULL DEFAULT 0,
            member_of TEXT, values_set TEXT NOT NULL DEFAULT '{}',
            values_back TEXT NOT NULL DEFAULT '{}',
            ended_at TEXT, how TEXT NOT NULL DEFAULT '', holds TEXT NOT NULL DEFAULT '',
            story TEXT NOT NULL DEFAULT ''
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX recyclings_lead ON recyclings (crm, object, lead_id);
        CREATE INDEX recyclings_person ON recyclings (person_id);
        CREATE UNIQUE INDEX recyclings_open ON recyclings (crm, object, lead_id)
            WHERE ended_at IS NULL;
        CREATE INDEX recyclings_due ON recyclings (crm, look_at)
            WHERE ended_at IS NULL AND look_at IS NOT NULL;
        CREATE TABLE recycling_looks (
            crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL, look_at TEXT NOT NULL,
            PRIMARY KEY (crm, object, lead_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX recycling_looks_due ON recycling_looks (crm, look_at)
        """,
    )


@MIGRATIONS(name="0016_decay")
def _decay(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE decays (
            crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL,
            cycle INTEGER NOT NULL, since TEXT NOT NULL, touched TEXT,
            asleep INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (crm, object, lead_id, cycle)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE decay_levels (
            crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL,
            cycle INTEGER NOT NULL, level TEXT NOT NULL, number INTEGER NOT NULL,
            due_at TEXT, look_at TEXT, reached_at TEXT, held_at TEXT,
            PRIMARY KEY (crm, object, lead_id, cycle, level)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX decay_levels_due ON decay_levels (crm, look_at)
            WHERE reached_at IS NULL AND look_at IS NOT NULL;
        ALTER TABLE clocks ADD COLUMN moved_at TEXT;
        CREATE INDEX clocks_moved ON clocks (crm, moved_at)
            WHERE moved_at IS NOT NULL AND ended_at IS NULL
        """,
    )


@MIGRATIONS(name="0017_messages")
def _messages(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, target TEXT NOT NULL,
            event TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, data TEXT NOT NULL,
            lead TEXT, crm TEXT, object TEXT, lead_id TEXT, added_at TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'new', attempts INTEGER NOT NULL DEFAULT 0,
            due_at TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '',
            maybe INTEGER NOT NULL DEFAULT 0, ended_at TEXT
        ) STRICT;
        CREATE INDEX messages_open ON messages (state, due_at)
            WHERE state IN ('new', 'sending', 'failed');
        CREATE TABLE alerts (
            kind TEXT NOT NULL, what TEXT NOT NULL, since TEXT NOT NULL, detail TEXT NOT NULL,
            calm_since TEXT, PRIMARY KEY (kind, what)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX leads_created ON leads (crm, created_at)
        """,
    )


@MIGRATIONS(name="0018_times")
def _times(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE times (
            crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL,
            decision_id TEXT NOT NULL, rule TEXT NOT NULL, team TEXT, rep_id TEXT, owner_id TEXT,
            status TEXT, captured_at TEXT, eligible_at TEXT NOT NULL, decided_at TEXT NOT NULL,
            assigned_at TEXT, notified_at TEXT, accepted_at TEXT, responded_at TEXT,
            proof TEXT NOT NULL DEFAULT '', result TEXT NOT NULL, wrote TEXT NOT NULL,
            PRIMARY KEY (crm, object, lead_id, decision_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX times_decided ON times (decided_at);
        CREATE TABLE cadences (
            id TEXT PRIMARY KEY, crm TEXT NOT NULL, object TEXT NOT NULL, lead_id TEXT NOT NULL,
            person_id TEXT NOT NULL, decision_id TEXT NOT NULL, name TEXT NOT NULL,
            owner_id TEXT NOT NULL, rep_id TEXT, since TEXT, made INTEGER NOT NULL, task_key TEXT,
            made_at TEXT, day_ends TEXT, look_at TEXT, ended_at TEXT, how TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX cadences_lead ON cadences (crm, object, lead_id);
        CREATE INDEX cadences_person ON cadences (person_id) WHERE ended_at IS NULL;
        CREATE INDEX cadences_due ON cadences (crm, look_at)
            WHERE ended_at IS NULL AND look_at IS NOT NULL
        """,
    )
    # What was assigned before is told as far as the journal and the clocks have it.
    db.execute(
        """
        INSERT INTO times SELECT d.crm, d.object, d.lead_id, d.id, d.rule, NULL, d.rep_id,
            d.owner_id, NULL, l.created_at,
            coalesce((SELECT min(j.at) FROM journal j WHERE j.crm = d.crm AND j.object = d.object
                AND j.lead_id = d.lead_id AND j.event = 'lead.decided'
                AND json_extract(j.detail, '$.outcome') <> 'leave'), d.at),
            d.at,
            (SELECT min(j.at) FROM journal j WHERE j.crm = d.crm AND j.object = d.object
                AND j.lead_id = d.lead_id AND j.event IN ('effect.verified', 'effect.restored')
                AND j.at >= d.at),
            (SELECT min(j.at) FROM journal j JOIN outbox o ON o.key = j.effect_key
                WHERE j.crm = d.crm AND j.object = d.object AND j.lead_id = d.lead_id
                AND j.event = 'task.written' AND json_extract(o.payload, '$.role') IS NULL
                AND j.at >= d.at),
            (SELECT min(c.accepted_at) FROM clocks c WHERE c.decision_id = d.id),
            (SELECT min(c.ended_at) FROM clocks c WHERE c.decision_id = d.id
                AND c.how = 'answered' AND c.after IS NULL),
            '', d.outcome,
            coalesce((SELECT iif(o.state IN ('new', 'inflight', 'sent'), 'pending', o.state)
                FROM outbox o WHERE o.decision_id = d.id AND o.crm = d.crm
                AND o.object = d.object AND o.lead_id = d.lead_id AND o.kind = 'set_owner'),
                'not needed')
        FROM decisions d JOIN leads l ON l.crm = d.crm AND l.object = d.object AND l.id = d.lead_id
        WHERE d.outcome = 'assign'
        """
    )


@MIGRATIONS(name="0019_answers")
def _answers(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE answers (
            clock_id TEXT PRIMARY KEY, crm TEXT NOT NULL, object TEXT NOT NULL,
            lead_id TEXT NOT NULL, sla TEXT NOT NULL, team TEXT, rep_id TEXT,
            owner_id TEXT NOT NULL, since TEXT NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL,
            seconds INTEGER, left_us INTEGER, by_id TEXT, proof TEXT NOT NULL,
            look_at TEXT, others INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX answers_at ON answers (at);
        CREATE INDEX answers_look ON answers (crm, look_at) WHERE look_at IS NOT NULL
        """,
    )


@MIGRATIONS(name="0020_of_person")
def _of_person(db: sqlite_utils.Database) -> None:
    # Who had a person before is asked with each assignment; without it all decisions were read.
    # What runs is planned anew in the order of its keys, some rows at a time.
    _run(
        db,
        """
        CREATE INDEX IF NOT EXISTS decisions_person ON decisions (person_id);
        CREATE INDEX IF NOT EXISTS clocks_open ON clocks (id) WHERE ended_at IS NULL;
        CREATE INDEX IF NOT EXISTS cadences_open ON cadences (id) WHERE ended_at IS NULL;
        CREATE INDEX IF NOT EXISTS decays_awake ON decays (crm, object, lead_id) WHERE asleep = 0;
        CREATE INDEX IF NOT EXISTS recyclings_out ON recyclings (id)
            WHERE ended_at IS NULL AND kind = 'recycled'
        """,
    )


@MIGRATIONS(name="0021_scored_from")
def _scored_from(db: sqlite_utils.Database) -> None:
    # A look at a lead that shows nothing new need not work out anew when its grade changes.
    _run(db, "ALTER TABLE scores ADD COLUMN inputs TEXT NOT NULL DEFAULT ''")


@MIGRATIONS(name="0022_open_owner_write")
def _open_owner_write(db: sqlite_utils.Database) -> None:
    # Whether a lead's owner is being written is asked many times for each look at it.
    _run(
        db,
        """
        CREATE INDEX outbox_owner_open ON outbox (crm, object, lead_id)
            WHERE kind IN ('set_owner', 'restore_owner') AND state IN ('new', 'inflight', 'sent')
        """,
    )


@MIGRATIONS(name="0023_contact_asks")
def _contact_asks(db: sqlite_utils.Database) -> None:
    _run(
        db,
        """
        CREATE TABLE contact_asks (
            person_id TEXT NOT NULL, crm TEXT NOT NULL, since TEXT NOT NULL,
            asked_at TEXT NOT NULL, look_at TEXT, told_at TEXT, times TEXT NOT NULL DEFAULT '[]',
            PRIMARY KEY (person_id, crm)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX contact_asks_look ON contact_asks (crm, look_at) WHERE look_at IS NOT NULL
        """,
    )


@MIGRATIONS(name="0024_given_by_person")
def _given_by_person(db: sqlite_utils.Database) -> None:
    # Until now it was told by the owner, which says nothing where a person chose the same one.
    _run(
        db,
        """
        ALTER TABLE leads ADD COLUMN by_person INTEGER NOT NULL DEFAULT 0;
        UPDATE leads SET by_person = 1 FROM decisions d
            WHERE d.id = leads.decision_id AND leads.state = 'assigned'
            AND leads.reason NOT LIKE 'taken from its claim queue%'
            AND (d.owner_id IS NOT leads.owner_id
                OR instr(CAST(d.inputs AS TEXT), '"kind":"override"') > 0);
        ALTER TABLE clocks DROP COLUMN by_person
        """,
    )


@MIGRATIONS(name="0025_fewer_indexes")
def _fewer_indexes(db: sqlite_utils.Database) -> None:
    # One that no question used; and of the ledger only what a rep has received is asked for by rep:
    # most of its lines are shares of what others got.
    _run(
        db,
        """
        DROP INDEX clocks_running;
        DROP INDEX ledger_rep;
        CREATE INDEX ledger_received ON ledger (rep_id, at)
            WHERE reason IN ('turn', 'owed', 'claimed')
        """,
    )
