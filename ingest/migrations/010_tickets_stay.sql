-- A gateway that is offline says nothing of its devices; what it said last of them stays.
ALTER TABLE vitalwire.gateways ADD COLUMN devices jsonb NOT NULL DEFAULT '[]';
ALTER TABLE vitalwire.gateways ADD COLUMN devices_at timestamptz;
UPDATE vitalwire.gateways
SET devices = coalesce(report->'devices', '[]'), devices_at = received_at WHERE state = 'online';

DROP VIEW vitalwire.device_tickets;
-- What somebody has to do at a device, by the last word of each gateway that brought it.
-- A gateway that was started anew knows nothing of a battery before its device is near again.
CREATE VIEW vitalwire.device_tickets AS
SELECT gateway_id, state AS gateway_state, device->>'address' AS address, 'battery-low' AS ticket,
       (device->>'battery_percent')::integer AS battery_percent,
       devices_at AS reported_at,
       devices_at - make_interval(secs => coalesce((device->>'last_seen_s')::double precision, 0))
           AS last_heard_at
FROM vitalwire.gateways, jsonb_array_elements(devices) AS device
WHERE (device->>'battery_low')::boolean OR (device->>'battery_percent')::integer <= 20;
