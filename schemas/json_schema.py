"""JSON Schemas of everything that travels, generated from the types and the table of vitals.

``python -m schemas.json_schema`` writes schemas/json/; a test keeps the files equal to the types.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from schemas import alert, kafka, reading, registry, wire
from schemas.vitals import VITALS, Vital

FOLDER = Path(__file__).parent / "json"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"

TYPES: dict[str, Any] = {
    "mqtt.readings": wire.ReadingsMessage,
    "mqtt.readings.item": reading.Item,
    "mqtt.health": wire.Health,
    "mqtt.receipts": wire.Receipts,
    "mqtt.config": wire.Config,
    "readings.v1": kafka.ReadingsRecord | kafka.Canary,
    "readings.rejected.v1": kafka.Rejected,
    "readings.unassigned.v1": kafka.Unassigned,
    "gateways.v1": kafka.GatewayReport,
    "registry.v1": registry.RegistryEntry,
    "alerts.v1": alert.Transition,
    "alerts.actions.v1": alert.Action,
    "engines.v1": kafka.EngineReport,
}


def quantities_schema(vital: Vital) -> dict[str, Any]:
    """Say which quantities a vital has and in which units each may travel."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            quantity.name: {
                "allOf": [
                    {"$ref": "#/$defs/Quantity"},
                    {"properties": {"unit": {"enum": [quantity.unit, *quantity.units]}}},
                ]
            }
            for quantity in vital.quantities
        },
    }


def schema(name: str) -> dict[str, Any]:
    """Build one schema; a reading's quantities are bound to its vital."""
    (root,), definitions = msgspec.json.schema_components(
        [TYPES[name]], ref_template="#/$defs/{name}"
    )
    if "Reading" in definitions:
        definitions["Reading"]["properties"]["vital"] = {"enum": list(VITALS)}
        definitions["Reading"]["allOf"] = [
            {
                "if": {"properties": {"vital": {"const": vital.name}}},
                "then": {"properties": {"quantities": quantities_schema(vital)}},
            }
            for vital in VITALS.values()
        ]
    return {"$schema": _DRAFT, "title": name, **root, "$defs": definitions}


def render(name: str) -> str:
    """Give a schema as the text of its file."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every schema to schemas/json/."""
    FOLDER.mkdir(exist_ok=True)
    for name in TYPES:
        (FOLDER / f"{name}.json").write_text(render(name), encoding="utf-8")


if __name__ == "__main__":
    main()
