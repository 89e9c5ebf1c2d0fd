-- What the sink holds, besides the vitals' own tables (those are made from schemas/vitals.py).

-- Guards identity: a row exists exactly if a vital's table holds the reading. The ids begin with
-- the reading's time, so the index grows at one end. ``digest`` tells a repetition from a
-- different value under the same name.
CREATE TABLE vitalwire.reading_keys (
    reading_id uuid PRIMARY KEY,
    vital      text NOT NULL,
    time       timestamptz NOT NULL, -- where to find the row: hypertables know no other key
    digest     bytea NOT NULL
);

-- Per stream the set of numbers in custody: stored, duplicate, rejected, unassigned.
CREATE TABLE vitalwire.gateway_receipts (
    gateway_id text NOT NULL,
    stream     text NOT NULL,
    custody    int8multirange NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway_id, stream)
);

CREATE TABLE vitalwire.gateways (
    gateway_id    text PRIMARY KEY,
    state         text NOT NULL,
    report        jsonb NOT NULL,
    received_at   timestamptz NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);

-- ``rejected_id`` is derived from the content: the same bytes sent again are one row seen twice.
CREATE TABLE vitalwire.rejected_payloads (
    rejected_id    uuid PRIMARY KEY,
    gateway_id     text NOT NULL,
    stream         text,
    seq            bigint,
    reason         text NOT NULL,
    detail         text NOT NULL,
    device_address text,
    payload        bytea NOT NULL,
    received_at    timestamptz NOT NULL,
    stored_at      timestamptz NOT NULL DEFAULT now(),
    times          integer NOT NULL DEFAULT 1
);
CREATE INDEX ON vitalwire.rejected_payloads (stored_at);

-- Readings that wait for a patient. ``released_at``: they went to readings.v1 for that assignment.
CREATE TABLE vitalwire.unassigned_readings (
    reading_id     uuid PRIMARY KEY,
    gateway_id     text NOT NULL,
    stream         text NOT NULL,
    seq            bigint NOT NULL,
    device_address text NOT NULL,
    reason         text NOT NULL,
    time_earliest  timestamptz NOT NULL,
    time_latest    timestamptz NOT NULL,
    received_at    timestamptz NOT NULL,
    stored_at      timestamptz NOT NULL DEFAULT now(),
    reading        jsonb NOT NULL, -- schemas.kafka.StampedReading
    released_at    timestamptz,
    assignment_id  uuid
);
CREATE INDEX ON vitalwire.unassigned_readings (device_address) WHERE released_at IS NULL;

-- How far the consumers have come, under which topic id. Advanced by compare-and-set, in the
-- transaction that stores what was consumed.
CREATE TABLE vitalwire.kafka_offsets (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    topic_id    text NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);
