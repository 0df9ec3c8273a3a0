# SPDX-License-Identifier: Apache-2.0
"""Draws what bench/lazy-vs-static --json says: docs/lazy-vs-static.svg.

    build/TREE/bench/lazy-vs-static --json | python3 bench/lazy-vs-static.py >docs/lazy-vs-static.svg
"""

import json
import math
import sys

COLOURS = {"static buffers of 4096": "#c0392b", "static buffers of 256": "#d98e04",
           "lazy HIL": "#1f6fb2"}
LEFT, TOP, WIDTH, HEIGHT = 80, 60, 380, 260
BARS_LEFT, BARS_WIDTH = 640, 220
DECADES = range(3, 8)  # bytes


def text(x, y, what, anchor="start", size=12, colour="#333"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}">{what}</text>')


def line(x1, y1, x2, y2, colour="#ddd"):
    return (f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" '
            f'stroke="{colour}"/>')


def x_of(clients):
    return LEFT + WIDTH * math.log10(clients) / 3


def y_of(count):
    low, high = DECADES[0], DECADES[-1] + 0.3
    return TOP + HEIGHT * (1 - (math.log10(count) - low) / (high - low))


def curve(rows, way, key, dashes):
    points = [(row["clients"], row[key]) for row in rows if row["way"] == way]
    path = " ".join(f"{x_of(n):.1f},{y_of(b):.1f}" for n, b in sorted(points))
    return (f'<polyline points="{path}" fill="none" stroke="{COLOURS[way]}" stroke-width="2.5"'
            f'{dashes}/>')


def memory(rows):
    yield text(LEFT, 28, "Memory of the service, built for so many clients", size=15)
    yield text(LEFT, 46, "dashed: nobody asks; solid: everybody asks at once", colour="#777")
    for decade in DECADES:
        yield line(LEFT, y_of(10 ** decade), LEFT + WIDTH, y_of(10 ** decade))
        label = {3: "1 kB", 4: "10 kB", 5: "100 kB", 6: "1 MB", 7: "10 MB"}[decade]
        yield text(LEFT - 8, y_of(10 ** decade) + 4, label, "end")
    for clients in (1, 10, 100, 1000):
        yield line(x_of(clients), TOP, x_of(clients), TOP + HEIGHT)
        yield text(x_of(clients), TOP + HEIGHT + 18, clients, "middle")
    yield text(LEFT + WIDTH / 2, TOP + HEIGHT + 36, "clients", "middle")
    for way in COLOURS:
        yield curve(rows, way, "idle_bytes", ' stroke-dasharray="5 5"')
        yield curve(rows, way, "most_bytes", "")
        last = max(row["most_bytes"] for row in rows if row["way"] == way)
        yield text(LEFT + WIDTH + 6, y_of(last) + (12 if way == "lazy HIL" else -2), way,
                   colour=COLOURS[way], size=11)


def utilisation(rows):
    yield text(BARS_LEFT, 28, "Of what is taken, in use", size=15)
    yield text(BARS_LEFT, 46, "1000 clients, mixed; the mark is TOSThreads' 22 %", colour="#777")
    bars = [("static, 4096", rows[0], "#c0392b"), ("static, 256", rows[1], "#d98e04"),
            ("lazy: grants", rows[2], "#1f6fb2"), ("lazy: of all it takes", rows[3], "#1f6fb2")]
    for i, (name, row, colour) in enumerate(bars):
        y = TOP + 20 + i * 60
        yield text(BARS_LEFT, y - 6, name)
        yield (f'<rect x="{BARS_LEFT}" y="{y}" width="{BARS_WIDTH}" height="22" fill="#eee"/>'
               f'<rect x="{BARS_LEFT}" y="{y}" width="{BARS_WIDTH * row["percent"] / 100:.1f}" '
               f'height="22" fill="{colour}"/>')
        yield text(BARS_LEFT + BARS_WIDTH + 8, y + 16, f'{row["percent"]:.1f} %')
    mark = BARS_LEFT + BARS_WIDTH * 0.22
    yield line(mark, TOP + 6, mark, TOP + 20 + 3 * 60 + 30, "#000")


def main():
    rows = [json.loads(row) for row in sys.stdin]
    of = lambda begin: [row for row in rows if row["table"].startswith(begin)]
    print('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 380" '
          'font-family="sans-serif">')
    print('<rect width="1000" height="380" fill="#fff"/>')
    for item in [*memory(of("memory")), *utilisation(of("utilisation"))]:
        print(item)
    print("</svg>")


if __name__ == "__main__":
    main()
