"""What a row of the table of alerts says of an alert."""

from alerts.projector.rows import alert_row
from tests.alert_records import transition
from tests.alerts.desk.cases import case_of


def test_a_row_names_what_is_as_severe_as_it_says() -> None:
    row = alert_row(
        case_of(
            transition("1"),
            transition("2", "eased", "medium", at_ms=10),
            transition("3", "worsened", "high", at_ms=20, title="High", rule="bp-high"),
        ),
        opened_at_ms=0,
    )
    assert (row.severity, row.rule, row.title) == ("critical", "bp-severe", "Severe blood pressure")
