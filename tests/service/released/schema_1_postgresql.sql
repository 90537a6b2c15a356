CREATE TABLE schema_version (
    version INTEGER NOT NULL
);

CREATE TABLE series (
    pk BIGSERIAL NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    unique_id TEXT COLLATE "C" NOT NULL,
    frequency TEXT COLLATE "C" NOT NULL,
    start BIGINT NOT NULL,
    first_step BIGINT NOT NULL,
    end_step BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (pk),
    UNIQUE (name, unique_id)
);

CREATE TABLE api_keys (
    id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (id)
);

CREATE TABLE observations (
    series_pk BIGINT NOT NULL,
    step BIGINT NOT NULL,
    y FLOAT(53) NOT NULL,
    PRIMARY KEY (series_pk, step),
    FOREIGN KEY(series_pk) REFERENCES series (pk) ON DELETE CASCADE
);

CREATE TABLE covariates (
    series_pk BIGINT NOT NULL,
    step BIGINT NOT NULL,
    known JSON NOT NULL,
    PRIMARY KEY (series_pk, step),
    FOREIGN KEY(series_pk) REFERENCES series (pk) ON DELETE CASCADE
);

CREATE TABLE appends (
    series_pk BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    step BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (series_pk, key),
    FOREIGN KEY(series_pk) REFERENCES series (pk) ON DELETE CASCADE
);

CREATE INDEX appends_by_step ON appends (series_pk, step);

CREATE TABLE states (
    series_pk BIGINT NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    end_step BIGINT NOT NULL,
    format INTEGER NOT NULL,
    crc32 BIGINT NOT NULL,
    state BYTEA NOT NULL,
    PRIMARY KEY (series_pk, version),
    FOREIGN KEY(series_pk) REFERENCES series (pk) ON DELETE CASCADE
);
