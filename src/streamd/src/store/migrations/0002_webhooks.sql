-- Webhooks and what they are told. Times are milliseconds since 1970.
CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    -- Types of events, parted by spaces.
    events TEXT NOT NULL,
    description TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- Sealed with the node's key file.
    secret TEXT NOT NULL,
    -- The number of its latest delivery.
    sequence BIGINT NOT NULL,
    -- Failures in a row, and when its line goes on.
    failures BIGINT NOT NULL,
    retry_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    sequence BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    -- waiting, aside, delivered or failed.
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    retry_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    attempted_at BIGINT,
    -- Of the latest attempt: the status that was answered, and why it failed.
    status BIGINT,
    error TEXT
);

CREATE UNIQUE INDEX deliveries_of_webhook ON deliveries (webhook_id, sequence);
CREATE INDEX deliveries_in_line ON deliveries (webhook_id, state, sequence);
CREATE INDEX deliveries_by_age ON deliveries (state, created_at);
