-- Times are milliseconds since 1970 UTC, sealed secrets and hashes are text: what SQLite and PostgreSQL both take.

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    -- The ids of the keys that made it, outermost first, and its own: '/key_a/key_b/'.
    lineage TEXT NOT NULL,
    preset BOOLEAN NOT NULL,
    max_streams BIGINT,
    max_layers BIGINT,
    max_rate BIGINT,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE INDEX api_keys_by_age ON api_keys (created_at, id);

CREATE TABLE streams (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    type TEXT NOT NULL,
    layers BIGINT NOT NULL,
    fec TEXT NOT NULL,
    region TEXT NOT NULL,
    record BOOLEAN NOT NULL,
    -- NULL: as the daemon is configured.
    ring_seconds BIGINT,
    ring_bytes BIGINT,
    playback_id TEXT NOT NULL UNIQUE,
    -- Sealed; NULL once the stream is archived.
    stream_key TEXT,
    created_by TEXT NOT NULL REFERENCES api_keys (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    paused_at BIGINT,
    -- Set while somebody publishes, so that a start after a crash can tell that it ended.
    live_since BIGINT,
    archived_at BIGINT
);

CREATE UNIQUE INDEX streams_by_name ON streams (name) WHERE archived_at IS NULL;
CREATE INDEX streams_by_age ON streams (created_at, id);
CREATE INDEX streams_by_creator ON streams (created_by);

CREATE TABLE idempotency (
    api_key TEXT NOT NULL REFERENCES api_keys (id),
    idempotency_key TEXT NOT NULL,
    -- SHA-256 of method, path and body.
    fingerprint TEXT NOT NULL,
    -- Sealed: an answer may hold a secret.
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (api_key, idempotency_key)
);

CREATE INDEX idempotency_by_age ON idempotency (created_at);
