CREATE TABLE schema_version (
    version INTEGER NOT NULL
);

CREATE TABLE series (
    pk INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    unique_id TEXT NOT NULL,
    frequency TEXT NOT NULL,
    start BIGINT NOT NULL,
    first_step BIGINT NOT NULL,
    end_step BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    UNIQUE (name, unique_id)
);

CREATE TABLE api_keys (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (id)
)
 WITHOUT ROWID;

CREATE TABLE observations (
    series_pk INTEGER NOT NULL,
    step BIGINT NOT NULL,
    y FLOAT NOT NULL,
    PRIMARY KEY (series_pk, step),
    FOREIGN KEY(series_pk) REFERENCES series (pk) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE covariates (
    series_pk INTEGER NOT NULL,
    step BIGINT NOT NULL,
    known JSON NOT NULL,
    PRIMARY KEY (series_pk, step),
    FOREIGN KEY(series_pk) REFERENCES series (pk) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE appends (
    series_pk INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    step BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (series_pk, "key"),
    FOREIGN KEY(series_pk) REFERENCES series (pk) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE INDEX appends_by_step ON appends (series_pk, step);

CREATE TABLE states (
    series_pk INTEGER NOT NULL,
    version TEXT NOT NULL,
    revision BIGINT NOT NULL,
    end_step BIGINT NOT NULL,
    format INTEGER NOT NULL,
    crc32 BIGINT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (series_pk, version),
    FOREIGN KEY(series_pk) REFERENCES series (pk) ON DELETE CASCADE
)
 WITHOUT ROWID;
