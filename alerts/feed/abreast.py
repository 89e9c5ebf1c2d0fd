"""Which of the two alert topics is read on, where both are long: the one that is further back.

An alert is finished by an answer, which stands in the other topic. What is not finished yet is kept
unpacked: were one of them read far ahead, that would be all that it holds.
"""

from collections.abc import Collection, Mapping

from alerts.records import Place


def further_back(reached_ms: Mapping[Place, int], unread: Collection[Place]) -> str:
    """Name the topic of the partition furthest back of those that are ``unread``, of which one is.

    ``reached_ms``: the time of the record that was read last, by place; others have none yet.
    """
    topic, _ = min(unread, key=lambda place: (reached_ms.get(place, 0), place))
    return topic
