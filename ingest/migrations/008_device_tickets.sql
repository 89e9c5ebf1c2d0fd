-- What somebody has to do at a device, by the last health report of each gateway that brought it.
-- A gateway that was started anew knows nothing of a battery before its device is near again.
CREATE VIEW vitalwire.device_tickets AS
SELECT gateway_id, device->>'address' AS address, 'battery-low' AS ticket,
       (device->>'battery_percent')::integer AS battery_percent,
       received_at AS reported_at
FROM vitalwire.gateways, jsonb_array_elements(report->'devices') AS device
WHERE (device->>'battery_low')::boolean OR (device->>'battery_percent')::integer <= 20;
