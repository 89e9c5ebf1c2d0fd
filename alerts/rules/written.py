"""From an expression back to text: what is parsed from it is the same expression."""

from alerts.rules import syntax
from alerts.rules.tokens import LIMIT_PREFIX


def written(expression: syntax.Expression) -> str:
    """Write an expression; only what binds less than its surroundings stands in brackets."""
    match expression:
        case syntax.Comparison(field=name, operator=compared, limit=limit, rise=rise):
            return f"{name}{' rise' if rise else ''} {compared} {_limit(limit)}"
        case syntax.Beyond(field=name, side=side):
            return f"{name} is {side}"
        case syntax.HasStatus(flag=flag):
            return f"{syntax.STATUS} is {flag}"
        case syntax.Not(inner=inner):
            return f"not {_inside(inner, (syntax.And, syntax.Or))}"
        case syntax.And(parts=parts):
            return " and ".join(_inside(part, (syntax.And, syntax.Or)) for part in parts)
        case syntax.Or(parts=parts):
            return " or ".join(_inside(part, (syntax.Or,)) for part in parts)


def _inside(expression: syntax.Expression, weaker: tuple[type, ...]) -> str:
    text = written(expression)
    return f"({text})" if isinstance(expression, weaker) else text


def _limit(limit: tuple[syntax.Amount, ...] | syntax.Named) -> str:
    if isinstance(limit, syntax.Named):
        return f"{LIMIT_PREFIX}{limit.name}"
    amounts = ", ".join(f"{amount.number} {amount.unit}" for amount in limit)
    return amounts if len(limit) == 1 else f"({amounts})"
