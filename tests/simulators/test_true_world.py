"""What of the true Bluetooth world can be seen without starting it; `make test-true` starts it."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from simulators.true_world import TrueWorld
from simulators.true_world.guest.packets import packet_bytes
from simulators.true_world.storage import info_file
from simulators.world import BluetoothWorld
from tests.true_world import FAST_ONLY

WORLDS = (BluetoothWorld, TrueWorld)
TESTS = Path(__file__).parent.parent
NOT_IN_BOTH_WORLDS = 19
"""Whoever raises this says in FAST_ONLY why."""

ACL = b"\x02\x01\x20\x03\x00abc"
EVENT = b"\x04\x0e\x01\x00"
ISOCHRONOUS = b"\x05\x01\x20\x02\xc0ab"  # the two highest bits are no length


def test_few_tests_run_in_the_fast_world_only() -> None:
    assert len(FAST_ONLY) == NOT_IN_BOTH_WORLDS
    written = "".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    assert [name for name in FAST_ONLY if f"def {name}(" not in written] == []


def test_the_true_world_can_do_what_the_fast_one_can_but_for_faults_on_demand() -> None:
    fast, true = ({name for name in dir(world) if name[0] != "_"} for world in WORLDS)
    # The true one's bus is the machine's, and no demo's home lives in it.
    assert fast - true == {"bus_pid", "deafen", "inject", "is_discovering"}
    assert true - fast == {"adapter_transport"}


@given(st.lists(st.sampled_from([ACL, EVENT, ISOCHRONOUS]), min_size=1), st.data())
def test_a_stream_is_cut_into_its_packets_however_it_arrives(
    packets: list[bytes], data: st.DataObject
) -> None:
    stream, cut = b"".join(packets), []
    arrived = b""
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        arrived, stream = arrived + stream[:size], stream[size:]
        while length := packet_bytes(arrived):
            cut.append(arrived[:length])
            arrived = arrived[length:]
    assert (cut, arrived) == (packets, b"")


def test_a_bond_is_written_as_bluetoothd_reads_it() -> None:
    content = info_file("BLOOD CUFF", ["1810", "180a"], bytes(range(16)))
    assert "Services=1810;180a;\n" in content
    assert "\n[LongTermKey]\nKey=000102030405060708090A0B0C0D0E0F\n" in content
