"""Names of readings as numbers: many at once as each one alone."""

from hypothesis import example, given
from hypothesis import strategies as st

from alerts.engine.readings.identity import identities, long_identity

OURS = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(st.lists(OURS | st.text(max_size=40)))
@example([])
@example(["0" * 31, "0" * 33])  # as long together as two of ours
@example(["A" * 32, "0" * 32])
def test_many_names_give_the_numbers_that_each_one_gives(names: list[str]) -> None:
    high, low = identities(names)
    assert list(zip(high.tolist(), low.tolist(), strict=True)) == [*map(long_identity, names)]
