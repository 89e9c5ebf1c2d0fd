-- Who wears which device, and how a patient is watched. Patients are pseudonyms: no name, no birth
-- date and no record number has a column anywhere.

CREATE EXTENSION IF NOT EXISTS btree_gist; -- equality of text inside the exclusion constraint

CREATE TABLE vitalwire.care_teams (
    care_team_id text PRIMARY KEY,
    title        text NOT NULL
);

CREATE TABLE vitalwire.patients (
    patient_id   text PRIMARY KEY CHECK (patient_id ~ '^[A-Za-z0-9._-]{1,64}$'),
    pseudonym    text NOT NULL UNIQUE,
    zone         text NOT NULL DEFAULT 'UTC', -- IANA name
    simulated    boolean NOT NULL DEFAULT false,
    care_team_id text REFERENCES vitalwire.care_teams,
    created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE vitalwire.care_plans (
    patient_id text PRIMARY KEY REFERENCES vitalwire.patients,
    books      text[] NOT NULL,
    starts_at  timestamptz NOT NULL -- readings measured before it are never judged
);

CREATE TABLE vitalwire.devices (
    device_id  text PRIMARY KEY CHECK (device_id ~ '^[A-Za-z0-9._-]{1,64}$'),
    address    text NOT NULL UNIQUE CHECK (address ~ '^([0-9A-F]{2}:){5}[0-9A-F]{2}$'),
    model      text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The database itself refuses that a device's slot belongs to two patients at one instant.
-- A slot is one number of [0, 256); the whole device is all of them.
CREATE TABLE vitalwire.assignments (
    assignment_id uuid PRIMARY KEY,
    device_id     text NOT NULL REFERENCES vitalwire.devices,
    patient_id    text NOT NULL REFERENCES vitalwire.patients,
    user_slots    int4range NOT NULL
        CHECK (NOT isempty(user_slots) AND user_slots <@ int4range(0, 256)),
    validity      tstzrange NOT NULL
        CHECK (NOT isempty(validity) AND lower_inc(validity) AND NOT upper_inc(validity)),
    CONSTRAINT one_patient_at_a_time
        EXCLUDE USING gist (device_id WITH =, user_slots WITH &&, validity WITH &&)
);
CREATE INDEX ON vitalwire.assignments (patient_id);

CREATE TABLE vitalwire.audit_log (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    who      text NOT NULL,
    action   text NOT NULL,
    subject  text NOT NULL, -- the key of registry.v1 that changed
    before   jsonb,
    after    jsonb
);
CREATE INDEX ON vitalwire.audit_log (subject, at);

-- Transactional outbox: what an edit has to say to Kafka, written with the edit.
CREATE TABLE vitalwire.outbox (
    outbox_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic      text NOT NULL,
    key        text NOT NULL,
    value      bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Under which topic id a topic was last published whole; another id means: publish it again.
CREATE TABLE vitalwire.published_topics (
    topic        text PRIMARY KEY,
    topic_id     text NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now()
);
