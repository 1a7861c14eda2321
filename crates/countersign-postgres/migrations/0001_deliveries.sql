-- The deduplication store of countersign-postgres. Can be run again; changes nothing then.

-- One number for each claim that is granted. Never cached by sessions, so that it grows with time.
CREATE SEQUENCE IF NOT EXISTS countersign_fence AS bigint CACHE 1;

-- One row a delivery, under a key of 32 bytes: in flight until its lease ends, or completed until its retention does.
CREATE TABLE IF NOT EXISTS countersign (
    key bytea PRIMARY KEY,
    -- Who may settle the row; grows with every claim.
    fence bigint NOT NULL,
    -- The fence of the first claim since the key was free. Takeovers keep it, and so their aliases.
    born bigint NOT NULL,
    attempt integer NOT NULL,
    completed boolean NOT NULL DEFAULT false,
    -- Whether its bytes were known when it was claimed: 0 no, 1 a repeat, 2 a return.
    recurrence smallint NOT NULL DEFAULT 0,
    -- The end of the lease, or of the retention.
    until timestamptz NOT NULL,
    owner bytea NOT NULL,
    fingerprint bigint NOT NULL,
    -- Every alias that ever pointed here, so that they can be deleted with the row.
    aliases bytea[]
);

-- What a purge looks through.
CREATE INDEX IF NOT EXISTS countersign_until ON countersign (until);

-- Another name of rows, one entry for each row that has it: its key, its birth, and the fence of the claim that
-- gave it the name (0 when that had no subject). It counts only while the row with this key and birth is there.
CREATE TABLE IF NOT EXISTS countersign_aliases (
    alias bytea PRIMARY KEY,
    entries bytea[] NOT NULL
);

-- What was claimed last of an entity.
CREATE TABLE IF NOT EXISTS countersign_subjects (
    subject bytea PRIMARY KEY,
    fingerprint bigint NOT NULL,
    -- The fence of the claim with which the entity's bytes became what they are.
    run bigint NOT NULL,
    until timestamptz NOT NULL
);

-- What a purge of subjects looks through.
CREATE INDEX IF NOT EXISTS countersign_kept ON countersign_subjects (until);
