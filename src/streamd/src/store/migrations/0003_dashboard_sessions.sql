-- Who is signed in to the dashboard. Times are milliseconds since 1970.
CREATE TABLE dashboard_sessions (
    -- SHA-256 of the token in the cookie: what is stored signs nobody in.
    hash TEXT NOT NULL PRIMARY KEY,
    api_key TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    -- Moves on while it is used.
    expires_at BIGINT NOT NULL
);

CREATE INDEX dashboard_sessions_of_key ON dashboard_sessions (api_key, expires_at);
CREATE INDEX dashboard_sessions_by_end ON dashboard_sessions (expires_at);
