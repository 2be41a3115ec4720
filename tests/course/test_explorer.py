import base64
import io
import json

import ipywidgets
import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from rlcourse.course import catalog
from rlcourse.course.figures import style
from rlcourse.course.widgets import explorer as shell
from rlcourse.course.widgets.controls import Choice, ChoiceRow, Row, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer


def toy():
    """An explorer with one control of each kind, which counts how often it draws."""
    drawn = []

    @explorer(
        p=Slider("kicker shoots left, p", 0, 1, step=0.05, default=0.5),
        n=Slider("kicks", 1, 9, step=2, default=3),
        show=Choice("show", ("values", "advantages"), default="values"),
        sampled=Toggle("Monte-Carlo estimate"),
        rewards=Row("reward", names=("t=0", "t=1"), low=-5, high=5, step=0.5, default=(1, 1)),
        ends=ChoiceRow("end", names=("t=0", "t=1"), options=("no", "yes"), default=("no", "yes")),
        grid=("p",),
    )
    def penalty(p, n, show, sampled, rewards, ends):
        """Penalty shoot-out: the value of a kick.

        A second line that is no title.
        """
        drawn.append((p, n, show, sampled, rewards, ends))
        if p == 1:
            raise ValueError("a kicker this predictable has <no> advantage")
        figure, axes = style.new_figure(4, 2)
        axes.bar(range(4), [p, n, *rewards], **style.POLICY.bar())
        axes.set_title(f"{show} {sampled} {ends}")
        said = f"Left with chance {p}, {n} kicks & {show}, rewards {rewards}, ends {ends}: {sampled}."
        return style.say(figure, said)

    return penalty, drawn


@pytest.fixture
def penalty():
    return toy()[0]


# ---------------------------------------------------------------- controls


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Slider("", 0, 1, step=0.1, default=0), "label"),
        (lambda: Slider("p", 1, 0, step=0.1, default=0), "low must be below high"),
        (lambda: Slider("p", 0, 1, step=0, default=0), "step must be positive"),
        (lambda: Slider("p", 0, 1, step=0.3, default=0), "step must divide"),
        (lambda: Slider("p", 0, 1, step=0.1, default=0.25), "default must lie on the grid"),
        (lambda: Slider("p", 0, 1, step=0.1, default=2), "default must lie in"),
        (lambda: Choice("show", ("a",), default="a"), "two or more"),
        (lambda: Choice("show", ("a", "a"), default="a"), "different"),
        (lambda: Choice("show", ("a", "b"), default="c"), "default must be one of 'a', 'b'"),
        (lambda: Toggle("on", default=1), "default must be True or False"),
        (lambda: Row("r", names=(), low=0, high=1, step=1, default=()), "names"),
        (lambda: Row("r", names=("a", "a"), low=0, high=1, step=1, default=(0, 0)), "names"),
        (lambda: Row("r", names=("a", "b"), low=0, high=1, step=1, default=(0,)), "default must hold 2 values"),
        (lambda: Row("r", names=("a", "b"), low=0, high=1, step=1, default=(0, 2)), "default must lie in"),
        (lambda: ChoiceRow("e", names=("a",), options=("x", "y"), default=("z",)), "default must be one of"),
    ],
)
def test_a_control_that_makes_no_sense_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_a_slider_snaps_to_its_grid_and_whole_numbers_stay_whole():
    slider = Slider("p", 0, 1, step=0.05, default=0.5)
    assert slider.check("p", 0.16) == 0.15
    assert slider.check("p", np.float64(1 / 3)) == 0.35
    assert slider.positions()[3] == 0.15 and slider.positions()[-1] == 1 and len(slider.positions()) == 21
    assert [slider.write(value) for value in (0, 0.5)] == ["0.00", "0.50"]
    stepper = Slider("step", 0, 6, step=2, default=2)
    assert stepper.check("step", 3.2) == 4 and isinstance(stepper.check("step", 3.2), int)
    assert stepper.positions() == (0, 2, 4, 6)
    assert Slider("lambda", -1.5, 1, step=0.25, default=0).positions()[:3] == (-1.5, -1.25, -1.0)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"p": 1.2}, r"p must lie in \[0, 1\], got 1.2"),
        ({"p": float("nan")}, "p must lie in"),
        ({"p": "0.5"}, "p must be a number"),
        ({"p": True}, "p must be a number"),
        ({"q": 1}, "unknown parameter q of penalty; it has p, n, show"),
        ({"show": "value"}, "show must be one of 'values', 'advantages', got 'value'"),
        ({"sampled": 1}, "sampled must be True or False"),
        ({"rewards": (1,)}, r"rewards must hold 2 values \(t=0, t=1\), got 1"),
        ({"rewards": 1}, "rewards must hold 2 values"),
        ({"rewards": (1, 9)}, r"rewards\[1\] must lie in"),
        ({"ends": ("no", "maybe")}, r"ends\[1\] must be one of"),
        ({"ends": "no"}, "ends must hold 2 values"),
    ],
)
def test_a_value_no_control_can_take_is_refused_everywhere(penalty, given, sentence):
    panel = penalty.panel()
    before = panel.values
    for refuse in (penalty.draw, penalty.alt_text, penalty.at, panel.set):
        with pytest.raises(ValueError, match=sentence):
            refuse(**given)
    assert panel.values == before


# ---------------------------------------------------------------- the explorer


def test_an_explorer_knows_its_name_title_and_controls(penalty):
    assert penalty.name == "penalty"
    assert penalty.title == "Penalty shoot-out: the value of a kick."
    assert list(penalty.controls) == ["p", "n", "show", "sampled", "rewards", "ends"]
    assert penalty.grid == ("p",)


def test_draw_fills_in_defaults_and_snaps(penalty):
    assert isinstance(penalty.draw(), Figure)
    assert "chance 0.15, 3 kicks" in penalty.alt_text(p=0.16)
    assert "rewards (1.0, -0.5)" in penalty.alt_text(rewards=[1, -0.6])


def test_another_start_is_where_reset_returns_to(penalty):
    moved = penalty.at(p=0.9, rewards=(2, 3))
    assert "chance 0.9" in moved.alt_text() and "chance 0.5" in penalty.alt_text()
    panel = moved.panel()
    panel.set(p=0.1, rewards=(0, 0))
    panel.reset()
    assert panel.values["p"] == 0.9 and panel.values["rewards"] == (2, 3)


def test_a_decorator_that_does_not_fit_its_function_is_refused():
    slider = Slider("p", 0, 1, step=0.5, default=0)

    def draw(p):
        """A title."""

    with pytest.raises(ValueError, match="controls of draw must be its parameters p; got q"):
        explorer(q=slider)(draw)
    with pytest.raises(ValueError, match="grid must name controls of draw, got q"):
        explorer(p=slider, grid=("q",))(draw)
    with pytest.raises(ValueError, match="p must be a control"):
        explorer(p=0.5)(draw)
    with pytest.raises(ValueError, match="must return a matplotlib Figure, got NoneType"):
        explorer(p=slider)(draw).draw()
    with pytest.raises(ValueError, match="docstring"):
        explorer(p=slider)(lambda p: None)


def test_a_figure_without_alt_text_is_refused():
    @explorer(p=Slider("p", 0, 1, step=0.5, default=0))
    def silent(p):
        """A title."""
        return style.new_figure(2, 2)[0]

    with pytest.raises(ValueError, match="alt text"):
        silent.draw()


def test_a_picture_is_drawn_once_and_the_last_ones_are_kept(monkeypatch):
    monkeypatch.setattr(shell, "PICTURES_KEPT", 2)
    penalty, drawn = toy()
    for p in (0.1, 0.2, 0.1, 0.2):
        penalty.picture(p=p)
    assert len(drawn) == 2
    penalty.picture(p=0.3)  # 0.1 leaves
    penalty.picture(p=0.2)
    assert len(drawn) == 3
    assert penalty.picture(p=0.1) == (style.png(penalty.draw(p=0.1)), penalty.alt_text(p=0.1))


# ---------------------------------------------------------------- the panel


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_moving_any_control_redraws_picture_and_caption(penalty):
    panel = penalty.panel()
    others = {"p": 0.9, "n": 7, "show": "advantages", "sampled": True, "rewards": (0, 0), "ends": ("yes", "no")}
    for moved in ({name: value} for name, value in others.items()):
        panel.reset()
        picture, caption = panel.image.value, panel.caption.value
        panel.set(**moved)
        assert panel.image.value != picture and panel.caption.value != caption, moved
        assert panel.image.value == style.png(penalty.draw(**moved))
        panel.reset()
        assert (panel.image.value, panel.caption.value) == (picture, caption)


def test_a_students_hand_on_a_widget_is_the_same_as_set():
    penalty, drawn = toy()
    panel = penalty.panel()
    sliders = [w for w in widgets(panel.box) if isinstance(w, ipywidgets.FloatSlider | ipywidgets.IntSlider)]
    assert [s.description for s in sliders] == ["kicker shoots left, p", "kicks"]
    assert all(slider.continuous_update for slider in sliders)
    sliders[0].value = 0.8
    assert panel.values["p"] == 0.8 and "chance 0.8" in panel.alt and len(drawn) == 2
    typed = next(w for w in widgets(panel.box) if isinstance(w, ipywidgets.BoundedFloatText))
    typed.value = 2.3  # off the grid: it snaps in sight
    assert typed.value == 2.5 and panel.values["rewards"] == (2.5, 1.0)
    typed.value = 99
    assert panel.values["rewards"] == (5.0, 1.0)
    button = next(w for w in widgets(panel.box) if isinstance(w, ipywidgets.Button))
    button.click()
    assert panel.values == penalty.defaults and button.description == "Reset"


def widgets(box):
    return [box, *(inner for child in getattr(box, "children", ()) for inner in widgets(child))]


def test_many_values_at_once_are_one_redraw():
    penalty, drawn = toy()
    panel = penalty.panel()
    changes = []
    panel.image.observe(changes.append, "value")
    panel.set(p=0.1, n=9, show="advantages", sampled=True, rewards=(0, 0), ends=("yes", "yes"))
    assert len(drawn) == 2 and len(changes) == 1
    panel.set(p=0.1)
    assert len(drawn) == 2 and len(changes) == 1
    panel.reset()
    assert len(changes) == 2


def test_an_error_becomes_a_sentence_and_never_an_old_picture(penalty, capsys):
    panel = penalty.panel()
    before = panel.image.value
    panel.set(p=1)
    assert panel.image.value != before
    assert "a kicker this predictable has &lt;no&gt; advantage" in panel.caption.value
    assert "Traceback" not in panel.caption.value + "".join(capsys.readouterr())
    panel.set(n=9)
    assert "could not be drawn" in panel.alt
    panel.set(p=0.5)
    assert panel.alt == penalty.alt_text(n=9) and panel.image.value == style.png(penalty.draw(n=9))


def test_the_caption_is_the_alt_text_escaped(penalty):
    panel = penalty.panel()
    assert panel.alt == penalty.alt_text()
    assert "3 kicks &amp; values" in panel.caption.value and 'role="status"' in panel.caption.value


def test_a_cell_shows_widget_picture_and_sentence_in_one_bundle(penalty):
    first, second = penalty._repr_mimebundle_(), penalty._repr_mimebundle_()
    assert set(first) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert first["text/plain"] == penalty.alt_text()
    assert base64.b64decode(first["image/png"]) == style.png(penalty.draw())
    json.dumps(first)
    views = [bundle["application/vnd.jupyter.widget-view+json"]["model_id"] for bundle in (first, second)]
    assert views[0] != views[1]  # two cells, two panels
    assert not penalty.panel().image.tooltip  # a tooltip breaks the view of an ipywidgets.Image (8.1)


# ---------------------------------------------------------------- the package


def test_explorers_are_found_by_name():
    for name, found in catalog.explorers().items():
        assert isinstance(found, shell.Explorer) and found.name == name


def test_two_explorers_of_one_name_are_refused(penalty):
    class Lesson:
        def __init__(self, name, **found):
            self.__name__ = name
            self.__dict__.update(found)

    other = toy()[0]
    penalty.module, other.module = "lesson_98", "lesson_99"
    only = {"penalty": penalty}
    assert catalog.collect([Lesson("lesson_98", a=penalty, again=penalty)]) == only
    assert catalog.collect([Lesson("lesson_98", a=penalty), Lesson("lesson_99", imported=penalty)]) == only
    with pytest.raises(ValueError, match="unique: 'penalty' is in lesson_98 and in lesson_99"):
        catalog.collect([Lesson("lesson_98", a=penalty), Lesson("lesson_99", a=other)])


# ---------------------------------------------------------------- the style


ROLES = [role for role in vars(style).values() if isinstance(role, style.Role)]


def luminance(color):
    channels = np.array(matplotlib.colors.to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.color)
def test_letters_stand_out_on_the_card(role):
    assert (luminance(style.CARD) + 0.05) / (luminance(role.ink) + 0.05) >= 4.5


def test_roles_differ_by_more_than_colour():
    looks = [(role.marker, role.linestyle) for role in ROLES]
    assert len(set(looks)) >= len(ROLES) - 1  # policy and a positive advantage share a line, not a marker
    assert len({role.marker for role in ROLES}) >= len(ROLES) - 1


def test_the_style_stays_inside_its_figures():
    before = dict(matplotlib.rcParams)
    figure, axes = style.new_figure(3, 2)
    with style.context():
        assert axes.set_title("t").get_fontsize() == style.BASE_SIZE + 1
    style.direct_label(axes, 0, 0, "label", style.VALUE)
    style.png(figure)
    assert dict(matplotlib.rcParams) == before
    with pytest.raises(ValueError, match="margins may be"):
        style.new_figure(3, 2, lefty=0.1)


def test_equal_figures_give_equal_bytes():
    pictures = []
    for text in ("first", "second", "first"):
        figure, axes = style.new_figure(3, 2)
        axes.text(0.1, 0.5, text, fontsize=30)
        pictures.append(style.png(figure))
    assert pictures[0] == pictures[2] != pictures[1]


def test_letters_copied_from_an_earlier_figure_are_the_letters_matplotlib_draws():
    def written(canvas):
        with style.context():
            figure, axes = style.new_figure(4, 3)
            axes.set(xlabel=r"$\gamma^k$", title="title")
            axes.text(0.3, 0.4, "turned, large", rotation=30, fontsize=20, color=style.VALUE.ink)
            axes.text(0.9, 0.8, "cut off by the edge of its axes", clip_on=True)
            axes.text(0.1, 0.8, "pale", alpha=0.3, color="r")
            canvas(figure)
        return np.asarray(style.pixels(figure)).astype(int)

    first, again, own = (written(canvas) for canvas in (style.Canvas, style.Canvas, FigureCanvasAgg))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - own).max() <= 3


def test_ticks_without_their_price_look_the_same():
    pictures = []
    for quick in (True, False):
        with style.context():
            figure, axes = style.new_figure(4, 3)
            axes.set(xlim=(-1, 3), ylim=(0, 1))
            if quick:
                style.set_ticks(axes.xaxis, range(3), ["left", 2, "up"])
                style.set_ticks(axes.yaxis, [0, 0.5])
                assert len(axes.xaxis.majorTicks) <= 1
            else:
                axes.set_xticks(range(3), ["left", 2, "up"])
                axes.set_yticks([0, 0.5])
        pictures.append(np.asarray(style.pixels(figure)))
    np.testing.assert_array_equal(*pictures)
    with pytest.raises(ValueError, match="one entry per place, 2, got 1"):
        style.set_ticks(axes.xaxis, [0, 1], ["only"])


def test_png_keeps_the_picture_to_the_eye():
    figure, axes = style.new_figure(4, 3)
    axes.imshow(np.random.default_rng(0).random((9, 12)), aspect="auto")
    off = np.abs(pixels(style.png(figure)) - np.asarray(style.pixels(figure)).astype(int))
    assert off.max() <= 32 and off.mean() < 3
