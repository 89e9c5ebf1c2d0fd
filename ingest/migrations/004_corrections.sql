-- Corrections. A stored reading is never changed: what a mended decoder makes of its raw bytes is a
-- further row of the vital's table, with the next ``version``; the older rows stay. The view
-- {vital}_current shows of each reading its newest version only.

-- One row for each version after the first, written in the transaction that writes that version.
CREATE TABLE vitalwire.corrections (
    reading_id   uuid NOT NULL,
    version      integer NOT NULL CHECK (version > 1),
    vital        text NOT NULL,
    fields       text[] NOT NULL, -- the columns that differ from the version before
    digest       bytea NOT NULL,  -- of the version before: reading_keys has the current one's
    audit_id     bigint NOT NULL REFERENCES vitalwire.audit_log, -- who and why
    corrected_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (reading_id, version)
);
