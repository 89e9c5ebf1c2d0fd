import pytest

from schemas.gatt import racp
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.racp import (
    CountResponse,
    Opcode,
    Operator,
    Request,
    Response,
    ResponseCode,
    ResponseValue,
)


@pytest.mark.parametrize(
    ("payload", "request_"),
    [
        ("0101", racp.REPORT_ALL),
        ("0401", racp.COUNT_ALL),
        ("0103012b00", racp.at_least(43)),
        ("0102012b00", racp.at_most(43)),
        ("0104012b006300", racp.between(43, 99)),
        ("0403012b00", racp.at_least(43, Opcode.REPORT_COUNT)),
        ("0105", racp.REPORT_FIRST),
        ("0106", racp.REPORT_LAST),
        ("0300", racp.ABORT),
        ("0201", Request(Opcode.DELETE_RECORDS, Operator.ALL)),
        ("010304ffff", Request(Opcode.REPORT_RECORDS, Operator.AT_LEAST, b"\x04\xff\xff")),
    ],
)
def test_requests_both_ways(payload: str, request_: Request) -> None:
    assert racp.encode_request(request_).hex() == payload
    assert racp.decode_request(bytes.fromhex(payload)) == request_


@pytest.mark.parametrize(
    ("payload", "response"),
    [
        ("06000101", ResponseCode(Opcode.REPORT_RECORDS, ResponseValue.SUCCESS)),
        ("06000106", ResponseCode(Opcode.REPORT_RECORDS, ResponseValue.NO_RECORDS_FOUND)),
        ("06000202", ResponseCode(Opcode.DELETE_RECORDS, ResponseValue.OPCODE_NOT_SUPPORTED)),
        ("06000301", ResponseCode(Opcode.ABORT, ResponseValue.SUCCESS)),
        ("06000163", ResponseCode(Opcode.REPORT_RECORDS, ResponseValue(99))),
        ("05000201", CountResponse(258)),
        ("050004030201", CountResponse(16909060)),
    ],
)
def test_responses_both_ways(payload: str, response: Response) -> None:
    assert racp.decode_response(bytes.fromhex(payload)) == response
    assert racp.encode_response(response).hex() == payload


def test_a_count_of_one_byte_exists_in_the_wild() -> None:
    assert racp.decode_response(bytes.fromhex("050001")) == CountResponse(1)


@pytest.mark.parametrize("payload", ["", "05", "0500", "0500010203", "06", "0600", "060001"])
def test_a_short_response_is_malformed(payload: str) -> None:
    with pytest.raises(MalformedPayload, match="record access response"):
        racp.decode_response(bytes.fromhex(payload))


@pytest.mark.parametrize("payload", ["0101", "ff00"])
def test_a_request_is_no_answer(payload: str) -> None:
    with pytest.raises(MalformedPayload, match="is no answer"):
        racp.decode_response(bytes.fromhex(payload))


@pytest.mark.parametrize("payload", ["", "01"])
def test_a_short_request_is_malformed(payload: str) -> None:
    with pytest.raises(MalformedPayload, match="record access request"):
        racp.decode_request(bytes.fromhex(payload))


def test_sequences_asked_for() -> None:
    assert racp.at_least(43).sequences == range(43, 65536)
    assert racp.at_most(43).sequences == range(44)
    assert racp.between(43, 99).sequences == range(43, 100)
    assert racp.between(7, 7).sequences == range(7, 8)


@pytest.mark.parametrize(
    "request_",
    [
        racp.REPORT_ALL,
        racp.between(9, 8),
        Request(Opcode.REPORT_RECORDS, Operator.AT_LEAST),
        Request(Opcode.REPORT_RECORDS, Operator.AT_LEAST, b"\x01\x00"),
        Request(Opcode.REPORT_RECORDS, Operator.AT_LEAST, b"\x02\xff\xff"),
        Request(Opcode.REPORT_RECORDS, Operator.RANGE, b"\x01\x01\x00"),
        Request(Opcode.REPORT_RECORDS, Operator(99), b"\x01\x01\x00"),
    ],
)
def test_an_operand_without_sense_asks_for_no_sequences(request_: Request) -> None:
    assert request_.sequences is None


def test_a_sequence_above_16_bits_cannot_be_asked_for() -> None:
    with pytest.raises(OverflowError):
        racp.at_least(65536)
