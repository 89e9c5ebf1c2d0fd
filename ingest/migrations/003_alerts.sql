-- A projection of alerts.v1 and alerts.actions.v1, which are the truth: it can be dropped and folded
-- again. Written by the alerts projector alone.

CREATE TABLE vitalwire.alerts (
    alert_id    text PRIMARY KEY,
    patient_id  text NOT NULL,
    kind        text NOT NULL, -- alert | work
    ladder      text NOT NULL,
    rule        text NOT NULL,
    severity    text NOT NULL,
    condition   text NOT NULL, -- active | returned
    attention   text NOT NULL, -- unacknowledged | acknowledged | resolved
    title       text NOT NULL,
    reason      text NOT NULL,
    reading_id  uuid,          -- the evidence of what asked for attention last
    measured_at timestamptz NOT NULL,
    opened_at   timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    answered_by text,
    answered_at timestamptz
);
CREATE INDEX ON vitalwire.alerts (patient_id, opened_at);

-- One row per record and alert: an action may answer several alerts.
CREATE TABLE vitalwire.alert_events (
    event_id   text NOT NULL, -- event_id of a transition or action_id of an action
    alert_id   text NOT NULL,
    patient_id text NOT NULL,
    topic      text NOT NULL, -- alerts.v1 or alerts.actions.v1
    partition  integer NOT NULL,
    log_offset bigint NOT NULL,
    kind       text NOT NULL, -- the event, or what the person did
    at         timestamptz NOT NULL,
    who        text,          -- a person's name; null for the engine
    record     jsonb NOT NULL,
    PRIMARY KEY (event_id, alert_id)
);
CREATE INDEX ON vitalwire.alert_events (alert_id, at);
