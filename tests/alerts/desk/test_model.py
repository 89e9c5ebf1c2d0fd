"""The desk tells the people whom its specification names, when it says: compared over stories."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import Severity
from schemas.rota import DAYS, Day, OffHours, RotaEntry, Shift
from tests.alerts.desk.desk_model import HOUR, MINUTE, Model, Shifts, Told
from tests.alerts.desk.virtual_desk import MONDAY_MS, VirtualDesk

DAY_MS = 24 * HOUR
MONDAYS = [0, 12, 82]
"""Days after which the story begins: an ordinary week, and those in which clocks are moved."""
WEEKS: list[list[Day]] = [list(DAYS), list(DAYS[:5]), list(DAYS[::2])]
SEVERITIES: list[Severity] = ["critical", "high", "high", "medium"]
PAUSES_MS = [1_000, 2 * MINUTE, 6 * MINUTE, 31 * MINUTE, 65 * MINUTE, 2 * HOUR, 5 * HOUR]
SHELVES_MS = [20 * MINUTE, 2 * HOUR, 7 * HOUR, 30 * HOUR]


@st.composite
def rotas(draw: st.DrawFn) -> RotaEntry:
    """Gaps at noon, at night or for days; a handover of half an hour; nobody second; no lead."""
    morning = Shift("07:00", "12:00", ["morning"], draw(st.sampled_from([[], ["other"]])), ["lead"])
    begins = draw(st.sampled_from(["11:30", "12:00", "13:00", "14:30"]))
    lead = draw(st.sampled_from([[], ["lead"]]))
    evening = Shift(begins, "19:00", ["evening", "morning"], [], lead, draw(st.sampled_from(WEEKS)))
    night = Shift("22:00", draw(st.sampled_from(["02:00", "07:00"])), ["night"], ["other"])
    return RotaEntry(
        "home",
        zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"])),
        shifts=[morning, *draw(st.sampled_from([[], [evening], [night], [evening, night]]))],
        off_hours=OffHours(["off-duty"], draw(st.sampled_from([[], ["off-second"]]))),
        programme_lead=draw(st.sampled_from([[], ["chief"]])),
        technical=["technician"],
    )


@dataclass
class Story:
    """The same happens to a desk and to the model."""

    desk: VirtualDesk
    model: Model
    severities: dict[str, Severity] = field(default_factory=dict)
    """Of the alerts that hold; by ladder in ``ladders`` the one that is open."""
    ladders: dict[str, str] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    number: int = 0

    def find(self, event: str, name: str, severity: Severity) -> None:
        self.number += 1
        fields = {"alert_id": name, "patient_id": name[0], "ladder": name[:2]}
        self.desk.find(str(self.number), event, severity, **fields)

    def record(self, patient: str, worse: list[tuple[str, Severity]]) -> None:
        """Let problems of a patient begin, or get worse, in one record."""
        said: list[tuple[str, Severity]] = []
        for problem, severity in worse:
            ladder = patient + problem
            name = self.ladders.get(ladder)
            if name is None:
                name = self.ladders[ladder] = f"{ladder}{self.number}"
                self.find("onset", name, severity)
            elif name in self.severities and severity < self.severities[name]:  # c, h, m
                self.find("worsened", name, severity)
            else:
                continue
            self.severities[name] = severity
            said.append((name, severity))
        self.model.record(self.desk.now_ms, said)

    def over(self, name: str, event: str) -> None:
        """Let a condition return, or never have been."""
        if name not in self.severities:
            return
        self.find(event, name, self.severities.pop(name))
        if event == "returned":
            self.model.ends(name)
        else:
            self.model.retracted(self.desk.now_ms, name)
            del self.ladders[name[:2]]

    def answer(self, name: str, deed: str, length_ms: int) -> None:
        """Let a person do something."""
        now_ms, alert = self.desk.now_ms, self.model.alerts[name]
        match deed:
            case "acknowledge" if not (alert.shelved or alert.answered):
                self.acknowledged[name] = self.desk.do("acknowledge", name).action_id
                self.model.acknowledge(now_ms, name)
            case "undo" if alert.answered and not alert.shelved:
                self.desk.do("undo", name, answers=self.acknowledged[name])
                self.model.undo(now_ms, name)
            case "shelve" if not (alert.answered or alert.shelved):
                self.desk.do("shelve", name, until_ms=now_ms + length_ms, note="away")
                self.model.shelve(now_ms, name, now_ms + length_ms)
            case "resolve":
                self.desk.do("resolve", name, outcome="advised")
                self.model.resolve(name)
                self.severities.pop(name, None)
                del self.ladders[name[:2]]
            case _:
                pass

    def after(self, pause_ms: int) -> None:
        self.desk.after(pause_ms)
        self.model.until(self.desk.now_ms)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    rota = draw(rotas())
    half_hours = draw(st.integers(0, 95))
    begin_ms = MONDAY_MS + draw(st.sampled_from(MONDAYS)) * DAY_MS + half_hours * 30 * MINUTE
    story = Story(VirtualDesk(begin_ms, rota), Model(Shifts(rota, begin_ms)))
    for _ in range(draw(st.integers(1, 8))):
        opened = sorted(story.ladders.values())
        deed = draw(st.sampled_from(["record", "returned", "retracted", *["answer"] * 3]))
        if deed == "record" or not opened:
            severities = st.tuples(st.sampled_from("abc"), st.sampled_from(SEVERITIES))
            worse = draw(st.lists(severities, min_size=1, max_size=3, unique_by=lambda one: one[0]))
            story.record(draw(st.sampled_from("pq")), worse)
        elif deed == "answer":
            answers = ["acknowledge", "acknowledge", "undo", "shelve", "resolve"]
            length_ms = draw(st.sampled_from(SHELVES_MS))
            story.answer(draw(st.sampled_from(opened)), draw(st.sampled_from(answers)), length_ms)
        else:
            story.over(draw(st.sampled_from(opened)), deed)
        story.after(draw(st.sampled_from(PAUSES_MS)))
        if draw(st.integers(0, 4)) == 0:
            story.desk.restart()
    return story


@settings(max_examples=300)
@given(stories())
def test_it_tells_whom_the_specification_names_and_when(story: Story) -> None:
    said: list[Told] = [
        (at_ms, one.alert_ids[0], one.reason or "", tuple(one.to))
        for at_ms, one in story.desk.delivered
        if one.patient_id
    ]
    assert _in_order(said) == _in_order(story.model.told)


def _in_order(told: list[Told]) -> list[Told]:
    """What was retracted is told in any order, as soon as it is heard of."""
    return sorted(
        (at_ms // 1_000, name, why, tuple(sorted(people)))
        if why == "retracted"
        else (at_ms, name, why, people)
        for at_ms, name, why, people in told
    )
