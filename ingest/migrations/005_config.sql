-- What homes are told on their config topic.

-- Which devices a gateway has brought readings of.
CREATE TABLE vitalwire.gateway_devices (
    gateway_id    text NOT NULL,
    address       text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway_id, address)
);

-- A person asks homes to send again what they had receipts for: the database was restored from a
-- backup. ``gateway_id`` NULL: every home. Only the newest request for a home is told.
CREATE TABLE vitalwire.resend_requests (
    request_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_id   text,
    since        timestamptz NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now()
);
