"""The words every stage uses: vitals, readings, wire format, alerts, registry, errors, clock."""
