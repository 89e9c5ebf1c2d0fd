-- A care plan's personal limits, schedules, pauses, zones and start of therapy, as registry.v1 has
-- them; what they were before stands in audit_log.
ALTER TABLE vitalwire.patients ADD COLUMN under_13 boolean NOT NULL DEFAULT false;
ALTER TABLE vitalwire.care_plans ADD COLUMN details jsonb NOT NULL DEFAULT '{}';

-- Every activation of a rule book; the last one of a name is in force. Nothing is ever changed.
CREATE TABLE vitalwire.rule_books (
    activation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL,
    activated_at  timestamptz NOT NULL,
    who           text NOT NULL,
    sha256        text NOT NULL,
    entry         jsonb NOT NULL -- the record book/{name} of registry.v1
);
CREATE INDEX ON vitalwire.rule_books (name, activation_id);
