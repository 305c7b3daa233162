-- Where a pulled stream comes from, sealed; null where it is pushed, and once it is archived.
ALTER TABLE streams ADD COLUMN source TEXT;
-- Whether it is fetched while nobody watches, too.
ALTER TABLE streams ADD COLUMN always BOOLEAN NOT NULL DEFAULT FALSE;

-- What became of the attempts to open sources: the latest of each stream.
CREATE TABLE source_events (
    stream_id TEXT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    -- Counts up, for each stream.
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- live, failed or ended.
    outcome TEXT NOT NULL,
    reason TEXT,
    detail TEXT,
    -- What was connected to.
    address TEXT,
    -- Since the attempt began, in milliseconds.
    took BIGINT NOT NULL,
    PRIMARY KEY (stream_id, number)
);
