"""Where the marks of a chart go: scales, ticks and points as plain numbers.

The drawing itself is `templates/components/charts.html`. Widths are percentages, so that a chart fits
a phone and a wide screen without its text growing or shrinking; heights are pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Row = tuple[str, float] | tuple[str, float, str]

BAR_ROW = 44  # pixels: a line of words and the bar beneath
PLOT_HEIGHT = 170  # pixels from the highest tick to the baseline
PLOT_TOP = 24  # pixels: room for the highest tick's label
LABELS_HEIGHT = 26  # pixels: room for the labels beneath the baseline
MOST_LABELS = 4  # beneath a line: more would touch on a phone
SPARK_WIDTH, SPARK_HEIGHT, SPARK_MARGIN = 144, 32, 4


@dataclass(frozen=True)
class Tick:
    value: float
    text: str
    y: float


@dataclass(frozen=True)
class Bar:
    label: str
    value: float
    text: str
    url: str
    share: float
    y: int


@dataclass(frozen=True)
class Point:
    label: str
    value: float
    text: str
    x: float
    y: float


@dataclass(frozen=True)
class BarChart:
    bars: list[Bar]
    height: int
    summary: str


@dataclass(frozen=True)
class LineChart:
    points: list[Point]
    ticks: list[Tick]
    labels: list[Point]
    height: int
    top: int
    plot: int
    path: str
    area: str
    summary: str


def bar_layout(rows: Sequence[Row], unit: str = "") -> BarChart:
    """Return a bar for each row; the longest is the whole width."""
    longest = max((row[1] for row in rows), default=0)
    bars = [
        Bar(
            label=row[0],
            value=row[1],
            text=told(row[1], unit),
            url=row[2] if len(row) > 2 else "",
            share=round(100 * max(row[1], 0) / longest, 2) if longest > 0 else 0,
            y=index * BAR_ROW,
        )
        for index, row in enumerate(rows)
    ]
    return BarChart(bars, max(len(bars) * BAR_ROW, 1), summary_of(rows, unit))


def line_layout(rows: Sequence[Row], unit: str = "") -> LineChart:
    """Return the points of a line over its ticks; the scale starts at zero unless a value is below."""
    values = [row[1] for row in rows]
    ticks = ticks_for(min([0, *values]), max([0, *values]), whole=all(isinstance(value, int) for value in values))
    low, high = ticks[0], ticks[-1]
    span = max(len(rows) - 1, 1)

    def y_of(value: float) -> float:
        return round(PLOT_HEIGHT * (high - value) / (high - low), 2)

    points = [
        Point(row[0], row[1], told(row[1], unit), round(100 * index / span, 3), y_of(row[1]))
        for index, row in enumerate(rows)
    ]
    path = " ".join(f"{point.x:g},{point.y:g}" for point in points)
    return LineChart(
        points=points,
        ticks=[Tick(value, told(value, unit), y_of(value)) for value in ticks],
        labels=[points[index] for index in spread(len(points), MOST_LABELS)],
        height=PLOT_TOP + PLOT_HEIGHT + LABELS_HEIGHT,
        top=PLOT_TOP,
        plot=PLOT_HEIGHT,
        path=path,
        area=f"0,{y_of(max(low, 0)):g} {path} {points[-1].x:g},{y_of(max(low, 0)):g}" if points else "",
        summary=summary_of(rows, unit),
    )


def spark_layout(values: Sequence[float]) -> list[tuple[float, float]]:
    """Return the points of a line the size of a word, lowest value at the foot."""
    if not values:
        return []
    low, high = min(values), max(values)
    width, height = SPARK_WIDTH - 2 * SPARK_MARGIN, SPARK_HEIGHT - 2 * SPARK_MARGIN
    across = max(len(values) - 1, 1)
    return [
        (
            round(SPARK_MARGIN + width * index / across, 2),
            round(SPARK_MARGIN + height * ((high - value) / (high - low) if high > low else 0.5), 2),
        )
        for index, value in enumerate(values)
    ]


def ticks_for(low: float, high: float, about: int = 4, *, whole: bool = False) -> list[float]:
    """Return round numbers at even steps (1, 2 or 5 times a power of ten) that enclose both ends.

    What is counted has no halves: then they are `whole`.
    """
    if high <= low:
        high = low + 1
    step = step_for((high - low) / about)
    if whole:
        step = max(step, 1)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def step_for(rough: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below."""
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1, 2, 5):
        if factor * power >= rough * (1 - 1e-9):
            return factor * power
    return 10 * power


def spread(length: int, most: int) -> list[int]:
    """Return at most so many places of a row at even steps, the last among them."""
    step = max(1, math.ceil((length - 1) / (most - 1)))
    return list(range(length - 1, -1, -step))[::-1]


def told(value: float, unit: str = "") -> str:
    """1250.0 is `1,250`, 2.5 is `2.5`; with its unit behind."""
    figures = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{figures} {unit}".rstrip()


def summary_of(rows: Sequence[Row], unit: str = "") -> str:
    """Return the chart in a sentence, for those who cannot see it."""
    if not rows:
        return "There is nothing to show yet."
    most = max(rows, key=lambda row: row[1])
    least = min(rows, key=lambda row: row[1])
    return (
        f"{len(rows)} values from {rows[0][0]} to {rows[-1][0]}. "
        f"Highest: {most[0]}, {told(most[1], unit)}. Lowest: {least[0]}, {told(least[1], unit)}."
    )
