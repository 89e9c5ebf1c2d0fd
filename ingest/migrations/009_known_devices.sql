-- Which gateway brought which device is noted since 005; what was stored before says it too. Once.
DO $$
DECLARE
    vital regclass;
BEGIN
    FOR vital IN
        SELECT listed.oid::regclass FROM pg_class AS listed
        JOIN pg_attribute AS held ON held.attrelid = listed.oid AND held.attname = 'raw'
        WHERE listed.relnamespace = 'vitalwire'::regnamespace
          AND listed.relkind IN ('r', 'p') AND NOT listed.relispartition
    LOOP
        EXECUTE format(
            'INSERT INTO vitalwire.gateway_devices (gateway_id, address)'
            ' SELECT DISTINCT gateway_id, address FROM %s JOIN vitalwire.devices USING (device_id)'
            ' ON CONFLICT DO NOTHING', vital);
    END LOOP;
END $$;
INSERT INTO vitalwire.gateway_devices (gateway_id, address)
SELECT DISTINCT gateway_id, device_address FROM vitalwire.unassigned_readings
ON CONFLICT DO NOTHING;
