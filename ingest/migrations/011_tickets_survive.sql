-- A gateway that was started anew remembers batteries, and not when it last heard their devices.
CREATE OR REPLACE VIEW vitalwire.device_tickets AS
SELECT gateway_id, state AS gateway_state, device->>'address' AS address, 'battery-low' AS ticket,
       (device->>'battery_percent')::integer AS battery_percent,
       devices_at AS reported_at,
       devices_at - make_interval(secs => (device->>'last_seen_s')::double precision)
           AS last_heard_at
FROM vitalwire.gateways, jsonb_array_elements(devices) AS device
WHERE (device->>'battery_low')::boolean OR (device->>'battery_percent')::integer <= 20;
