CREATE TABLE user (
    name          TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL
) STRICT;

-- A token in use or revoked; gone once it has expired. Times are milliseconds since 1970.
CREATE TABLE session (
    id          TEXT PRIMARY KEY,
    user        TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    issued_at   INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    observed_at INTEGER,
    revoked_at  INTEGER
) STRICT;

CREATE INDEX session_by_user ON session (user);
CREATE INDEX session_by_expiry ON session (expires_at);

-- Keys the server made for itself.
CREATE TABLE secret (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
