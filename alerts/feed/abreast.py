"""Which partition of the alert topics is read on, where they are long: the one further back.

An alert is finished by an answer, which stands in another topic. What is not finished yet is kept
unpacked: were one of them read far ahead, that would be all that it holds.
"""

from collections.abc import Collection, Mapping

from alerts.records import Place


def further_back(reached_ms: Mapping[Place, int], unread: Collection[Place]) -> Place:
    """Name the one furthest back of those that are ``unread``, of which there is one.

    ``reached_ms``: the time of the record that was read last, by place; others have none yet.
    """
    return min(unread, key=lambda place: (reached_ms.get(place, 0), place))
