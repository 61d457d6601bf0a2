"""Figures as text: percent and points, or nats; a minus is a minus sign, and nothing is ``-0.0``."""

from __future__ import annotations

from jsarag.metrics import Estimate, Unit


def number(value: float, unit: Unit = "percent") -> str:
    """The figure: ``44.4``, or ``−2.31`` in nats."""
    text = f"{100 * abs(value):.1f}" if unit == "percent" else f"{abs(value):.2f}"
    return ("−" if value < 0 and float(text) else "") + text


def change(value: float, unit: Unit = "percent") -> str:
    """A difference, signed; no sign where it rounds to nothing."""
    text = number(value, unit)
    return f"+{text}" if value > 0 and float(text) else text


def bounds(estimate: Estimate, unit: Unit = "percent") -> str:
    """The interval."""
    return f"[{number(estimate.low, unit)}, {number(estimate.high, unit)}]"


def told(value: float, unit: Unit = "percent") -> str:
    """The figure with its unit: ``44.4 %``, ``−2.31 nats``."""
    return f"{number(value, unit)} {'%' if unit == 'percent' else 'nats'}"


def change_told(value: float, unit: Unit = "percent") -> str:
    """The difference with its unit: ``+12.0 points``, ``+1.02 nats``."""
    return f"{change(value, unit)} {'points' if unit == 'percent' else 'nats'}"


def p_told(p: float) -> str:
    """``p < 0.001``, or with three decimals."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def duration(seconds: float) -> str:
    """Seconds as ``1 h 02 min``, ``2 min 05 s`` or ``7.4 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {rest:02d} s"
