"""Every code and every bit under the number that the services' definitions give it.

Copied from the public field lists, not from the enums: two neighbours that change places in an enum
would still come back as they were sent.
"""

import pytest

from schemas.gatt import (
    blood_pressure,
    continuous_glucose,
    current_time,
    glucose,
    glucose_context,
    oximeter,
    racp,
    thermometer,
    weight,
)
from schemas.gatt.codes import Bits, Code

CODES = (
    (
        glucose.SampleType,
        1,
        (
            "capillary-whole-blood capillary-plasma venous-whole-blood venous-plasma "
            "arterial-whole-blood arterial-plasma undetermined-whole-blood undetermined-plasma "
            "interstitial-fluid control-solution code-11"
        ),
    ),
    (glucose.SampleLocation, 1, "finger alternate-site earlobe control-solution code-5"),
    (
        glucose_context.CarbohydrateKind,
        1,
        "breakfast lunch dinner snack drink supper brunch code-8",
    ),
    (glucose_context.Meal, 1, "preprandial postprandial fasting casual bedtime code-6"),
    (glucose_context.Tester, 1, "self health-professional laboratory code-4"),
    (
        glucose_context.Health,
        1,
        "minor-issues major-issues during-menses under-stress no-issues code-6",
    ),
    (
        glucose_context.MedicationKind,
        1,
        "rapid-acting short-acting intermediate-acting long-acting premixed code-6",
    ),
    (blood_pressure.PulseRange, 0, "within above below code-3"),
    (
        racp.Opcode,
        1,
        "report-records delete-records abort report-count count-response response-code code-7",
    ),
    (racp.Operator, 0, "null all at-most at-least range first last code-7"),
    (
        racp.ResponseValue,
        1,
        (
            "success opcode-not-supported invalid-operator operator-not-supported invalid-operand "
            "no-records-found abort-unsuccessful procedure-not-completed operand-not-supported "
            "code-10"
        ),
    ),
    (
        thermometer.TemperatureType,
        1,
        "armpit body ear finger gastrointestinal mouth rectum toe tympanum code-10",
    ),
    (
        weight.WeightResolution,
        0,
        (
            "not-specified half-kg-or-1-lb fifth-kg-or-half-lb tenth-kg-or-fifth-lb "
            "twentieth-kg-or-tenth-lb fiftieth-kg-or-twentieth-lb hundredth-kg-or-fiftieth-lb "
            "five-grams-or-hundredth-lb code-8"
        ),
    ),
    (
        weight.HeightResolution,
        0,
        (
            "not-specified centimetre-or-inch half-centimetre-or-half-inch "
            "millimetre-or-tenth-inch code-4"
        ),
    ),
)
BITS = (
    (
        blood_pressure.Status,
        (
            "body-moved cuff-too-loose irregular-pulse pulse-above-range pulse-below-range "
            "improper-position bit-6"
        ),
    ),
    (
        blood_pressure.Feature,
        (
            "body-movement-detection cuff-fit-detection irregular-pulse-detection "
            "pulse-range-detection position-detection multiple-bonds checksum user-data-service "
            "user-facing-time bit-9"
        ),
    ),
    (
        glucose.Status,
        (
            "battery-low sensor-malfunction sample-too-small strip-insertion-error "
            "strip-type-wrong result-above-range result-below-range temperature-too-high "
            "temperature-too-low strip-pulled-early general-fault time-fault bit-12"
        ),
    ),
    (
        glucose.Feature,
        (
            "battery-low-detection sensor-malfunction-detection sample-size-detection "
            "strip-insertion-detection strip-type-detection result-range-detection "
            "temperature-detection strip-pull-detection general-fault-detection "
            "time-fault-detection multiple-bonds bit-11"
        ),
    ),
    (
        oximeter.MeasurementStatus,
        (
            "bit-0 bit-1 bit-2 bit-3 bit-4 measurement-ongoing early-estimate validated "
            "fully-qualified from-storage demonstration testing calibration-ongoing "
            "measurement-unavailable questionable-measurement invalid-measurement"
        ),
    ),
    (
        oximeter.SensorStatus,
        (
            "display-update-ongoing equipment-malfunction signal-irregularity inadequate-signal "
            "poor-signal low-perfusion erratic-signal nonpulsatile-signal questionable-pulse "
            "signal-analysis-ongoing sensor-interference sensor-unconnected-to-user "
            "unknown-sensor sensor-displaced sensor-malfunction sensor-disconnected bit-16"
        ),
    ),
    (
        oximeter.Ability,
        (
            "measurement-status sensor-status spot-check-storage spot-check-timestamp fast-values "
            "slow-values pulse-amplitude multiple-bonds bit-8"
        ),
    ),
    (
        continuous_glucose.Annunciation,
        (
            "session-stopped battery-low sensor-type-wrong sensor-malfunction "
            "device-specific-alert general-fault bit-6 bit-7 time-synchronisation-required "
            "calibration-not-allowed calibration-recommended calibration-required "
            "temperature-too-high temperature-too-low bit-14 bit-15 below-patient-low "
            "above-patient-high below-hypo above-hyper falling-too-fast rising-too-fast "
            "result-below-range result-above-range"
        ),
    ),
    (weight.Ability, "timestamp multiple-users body-mass-index bit-3"),
    (
        current_time.AdjustReason,
        "manual external-reference time-zone-change daylight-saving-change bit-4",
    ),
)


@pytest.mark.parametrize(("kind", "first", "names"), CODES, ids=lambda one: str(one)[:30])
def test_each_code_has_its_number(kind: type[Code], first: int, names: str) -> None:
    labels = names.split()
    assert [kind(first + place).label for place in range(len(labels))] == labels


@pytest.mark.parametrize(
    "kind", [glucose.SampleLocation, glucose_context.Tester, glucose_context.Health]
)
def test_fifteen_is_not_available(kind: type[Code]) -> None:
    assert kind(15).label == "not-available"


@pytest.mark.parametrize(("kind", "names"), BITS, ids=lambda one: str(one)[:30])
def test_each_bit_has_its_place(kind: type[Bits], names: str) -> None:
    labels = tuple(names.split())
    assert kind((1 << len(labels)) - 1).labels == labels


@pytest.mark.parametrize(
    ("feature_bit", "status_bits"),
    [(bit, {bit}) for bit in range(5)] + [(5, {5, 6}), (6, {7, 8}), (7, {9}), (8, {10}), (9, {11})],
)
def test_a_meters_feature_announces_its_own_status_bits(
    feature_bit: int, status_bits: set[int]
) -> None:
    """From the fifth on the numbers differ: one feature announces two bits."""
    silent = glucose.not_assessed(glucose.Feature(1 << feature_bit))
    assert {bit for bit in range(12) if not silent & (1 << bit)} == status_bits


@pytest.mark.parametrize(
    ("feature_bit", "status_bits"), [(0, {0}), (1, {1}), (2, {2}), (3, {3, 4}), (4, {5})]
)
def test_a_cuffs_feature_announces_its_own_status_bits(
    feature_bit: int, status_bits: set[int]
) -> None:
    silent = blood_pressure.not_assessed(blood_pressure.Feature(1 << feature_bit))
    assert {bit for bit in range(6) if not silent & (1 << bit)} == status_bits
