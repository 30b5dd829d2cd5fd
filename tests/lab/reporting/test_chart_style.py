"""How arms are told apart in charts."""

from __future__ import annotations

from lab.reporting.charts.style import arm_style, legend, single_panel


def test_sixty_four_arms_look_different() -> None:
    styles = [arm_style(index) for index in range(64)]
    assert len({(style["color"], style["marker"]) for style in styles}) == 64
    assert len({(style["color"], str(style["linestyle"])) for style in styles}) == 64


def test_the_figure_grows_with_the_rows_of_its_legend() -> None:
    heights = []
    for arms in (2, 24):
        figure, axes = single_panel(3.0)
        for index in range(arms):
            axes.plot([0, 1], [0, 1], label=f"arm {index}", **arm_style(index))
        legend(figure, axes)
        heights.append(figure.get_figheight())
    assert heights[0] == 3.0
    assert heights[1] > 4.0
