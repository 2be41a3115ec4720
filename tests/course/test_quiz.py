"""Every answer gets its own reply, whatever is typed, and a stored question can be read without a kernel."""

import html
import re

import nbformat
import pytest

from rlcourse.course import index, order, quiz

QUESTIONS = {name: question for lesson in order.LESSONS for name, question in quiz.load(lesson).items()}


def of_kind(kind):
    return [question for question in QUESTIONS.values() if question.kind == kind]


def named(question):
    return question.id


def on_screen(card):
    return plain(html.unescape(card.feedback.value))


def plain(text):
    """A text without the marks of code: backticks, or what a page has in their place."""
    return re.sub(r"</?code>|`", "", text)


# ---------------------------------------------------------------- the questions


@pytest.mark.parametrize("lesson", order.LESSONS)
def test_each_lesson_has_its_questions(lesson):
    assert len(quiz.load(lesson)) >= 2


@pytest.mark.parametrize("row", [row for row in index.load().values() if row.kind == "MIS"], ids=named)
def test_a_misconception_is_asked_about_in_one_of_its_lessons(row):
    asked = {
        covered for lesson in row.lessons for question in quiz.load(lesson).values() for covered in question.covers
    }
    assert row.id in asked


def test_what_the_questions_cover_is_in_the_index():
    assert {row for question in QUESTIONS.values() for row in question.covers} <= set(index.load())


@pytest.mark.parametrize("question", of_kind("choice"), ids=named)
def test_exactly_one_option_of_a_choice_is_right(question):
    assert sum(option.right for option in question.options) == 1


def test_the_right_option_gives_itself_away_neither_by_place_nor_by_length():
    places = [[option.right for option in question.options].index(True) for question in of_kind("choice")]
    longest = [max(question.options, key=lambda option: len(option.text)).right for question in of_kind("choice")]
    assert set(places) >= {0, 1, 2, 3}
    assert all(not (a == b == c) for a, b, c in zip(places, places[1:], places[2:], strict=False))
    assert sum(longest) <= len(longest) / 2


def test_no_two_replies_are_the_same():
    replies = [option.feedback for question in QUESTIONS.values() for option in question.options]
    for question in of_kind("number"):
        replies += [question.feedback, question.hint, *(distractor.feedback for distractor in question.distractors)]
    assert len(set(replies)) == len(replies)
    assert all(len(reply) > 60 for reply in replies)  # a thought, not a verdict


# ---------------------------------------------------------------- answering on screen


@pytest.mark.parametrize("name", QUESTIONS)
def test_nothing_counts_before_the_student_answers(name):
    card = quiz.ask(name)
    assert card.reply is None and card.feedback.value == ""
    if card.question.kind == "choice":
        assert card.radio.index is None
    if card.question.kind == "several":
        assert not any(tick.value for tick in card.ticks)


@pytest.mark.parametrize("question", of_kind("choice"), ids=named)
def test_choosing_shows_the_reply_to_that_option_at_once(question):
    card = quiz.ask(question.id)
    for place, option in enumerate(question.options):
        card.radio.index = place
        assert card.reply.right is option.right
        assert ("✓ Right." if option.right else "Not yet.") in on_screen(card)
        shown = [other.feedback for other in question.options if plain(other.feedback) in on_screen(card)]
        assert shown == [option.feedback]


@pytest.mark.parametrize("question", of_kind("several"), ids=named)
def test_all_the_right_ticks_are_accepted_and_every_option_explained(question):
    card = quiz.ask(question.id)
    for tick, option in zip(card.ticks, question.options, strict=True):
        tick.value = option.right
    assert card.reply is None  # not before Check
    card.check.click()
    assert card.reply.right is True
    assert [text for _, text in card.reply.remarks] == [option.feedback for option in question.options]


@pytest.mark.parametrize("question", of_kind("several"), ids=named)
def test_one_wrong_tick_gets_its_own_reply_and_the_open_lines_stay_secret(question):
    for place, option in enumerate(question.options):
        if option.right:
            continue
        card = quiz.ask(question.id)
        card.ticks[place].value = True
        card.check.click()
        assert card.reply.right is False
        assert [text for _, text in card.reply.remarks] == [option.feedback]
        assert option.feedback in on_screen(card) and "Ticked, think again" in on_screen(card)


@pytest.mark.parametrize("question", of_kind("several"), ids=named)
def test_a_missing_tick_is_counted_but_not_named(question):
    card = quiz.ask(question.id)
    right = [place for place, option in enumerate(question.options) if option.right]
    for place in right[:-1]:
        card.ticks[place].value = True
    card.check.click()
    assert card.reply.right is False and "1 more belongs to the answer" in on_screen(card)
    assert question.options[right[-1]].feedback not in on_screen(card)


def test_check_without_a_tick_and_ticks_changed_after_a_check():
    card = quiz.ask("start_here-3")
    card.check.click()
    assert card.reply.right is None and "Tick at least one" in on_screen(card)
    card.ticks[1].value = card.ticks[3].value = True
    card.check.click()
    assert card.reply.right is True
    card.ticks[1].value = False
    assert card.reply.right is None and "press Check again" in on_screen(card)


def typed(question, value):
    return ", ".join(str(x) for x in value) if len(value) > 1 else str(value[0])


@pytest.mark.parametrize("question", of_kind("number"), ids=named)
def test_the_right_number_is_accepted_within_its_tolerance(question):
    for distance, right in [(0, True), (0.99, True), (-0.99, True), (2, False), (-2, False)]:
        factor = 1 + distance * question.tolerance
        card = quiz.ask(question.id)
        card.field.value = typed(question, [factor * x for x in question.answer])
        assert card.reply.right is right, factor
        assert (question.feedback in on_screen(card)) is right


@pytest.mark.parametrize(("typed_in", "right"), [("0.048", True), ("0.052", True), ("0.047", False), ("0.06", False)])
def test_a_question_with_a_tolerance_takes_what_lies_within_it(typed_in, right):
    card = quiz.ask("actor_critic-3")
    card.field.value = typed_in
    assert card.reply.right is right


@pytest.mark.parametrize("question", of_kind("number"), ids=named)
def test_each_named_wrong_number_gets_its_own_reply(question):
    card = quiz.ask(question.id)
    for distractor in question.distractors:
        card.field.value = typed(question, distractor.value)
        assert card.reply.right is False
        assert [text for _, text in card.reply.remarks] == [distractor.feedback]
        assert plain(distractor.feedback) in on_screen(card)


@pytest.mark.parametrize("question", of_kind("number"), ids=named)
def test_any_other_number_gets_the_hint_and_anything_else_the_expected_form(question):
    card = quiz.ask(question.id)
    card.field.value = typed(question, [77.0] * len(question.answer))
    assert card.reply.right is False and plain(question.hint) in on_screen(card)
    for unreadable in ("two", "1, 2, 3, 4", "1/0", "nan", "__import__('os')", ""):
        card.field.value = unreadable
        assert card.reply.right is None, unreadable
        assert f"Expected: {question.form}." in on_screen(card)


def test_check_on_an_empty_field():
    card = quiz.ask("reward_to_go-1")
    card.check.click()
    assert "There is no number yet." in on_screen(card)


@pytest.mark.parametrize(
    "text, numbers",
    [
        ("1.5, 1, 2", (1.5, 1, 2)),
        ("(1.5, 1, 2)", (1.5, 1, 2)),
        ("[1.5 1 2]", (1.5, 1, 2)),
        ("3/2; 1; 2", (1.5, 1, 2)),
        ("1,5; 1; 2", (1.5, 1, 2)),
        ("1,5 1 2", (1.5, 1, 2)),
        ("1,5, 1, 2", (1.5, 1, 2)),
        ("1.5,1,2,", (1.5, 1, 2)),
        (" .5\t−.25  +1e-1 ", (0.5, -0.25, 0.1)),
        ("0,54", (0.54,)),
        ("−4/10", (-0.4,)),
        ("-.4, -4", (-0.4, -4)),
    ],
)
def test_numbers_are_read_in_the_ways_people_write_them(text, numbers):
    assert quiz.parse_numbers(text, len(numbers)) == pytest.approx(numbers)


@pytest.mark.parametrize(
    "text, count, sentence",
    [
        ("  ", 1, "There is no number yet."),
        ("a lot", 1, '"a lot" cannot be read as a number.'),
        ("1, x, 2", 3, '"1, x, 2" cannot be read as numbers.'),
        ("1, 2", 3, "3 numbers are needed, but 2 came."),
        ("1; 2", 1, "1 number is needed, but 2 came."),
        ("1e999", 1, '"1e999" cannot be read as a number.'),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(text, count, sentence):
    with pytest.raises(ValueError) as problem:
        quiz.parse_numbers(text, count)
    assert str(problem.value) == sentence


@pytest.mark.parametrize("name", ["1-1", "gae_1", "", None, 1, "gae-99", "gae-"])
def test_an_unknown_question_is_refused_in_a_sentence(name):
    with pytest.raises(ValueError, match="^question must be"):
        quiz.ask(name)


def test_a_question_of_no_lesson_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="^lesson must be one of .*, got 'nothing'"):
        quiz.ask("nothing-1")


# ---------------------------------------------------------------- without a kernel


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=named)
def test_the_stored_output_can_be_read_without_a_kernel(question):
    bundle = quiz.ask(question.id)._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    page, text = plain(html.unescape(bundle["text/html"])), plain(bundle["text/plain"])
    assert question.id in page and question.id in text
    for option in question.options:
        assert plain(option.text) in page and plain(option.feedback) in page
        assert plain(option.text) in " ".join(text.split()) and plain(option.feedback) not in text
    folds = len(question.options) or len(question.distractors) + 2
    assert page.count("<details>") == page.count("</details>") == folds
    assert "<style" not in page and "<script" not in page
    assert all(other["text/html"] == bundle["text/html"] for other in [quiz.ask(question.id)._repr_mimebundle_()])


def test_a_converted_notebook_shows_the_question_and_not_an_empty_widget():
    exporter = pytest.importorskip("nbconvert").HTMLExporter()
    data = quiz.ask("start_here-2")._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    cell = nbformat.v4.new_code_cell('quiz.ask("start_here-2")', outputs=[output], execution_count=1)
    page, _ = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert "<summary>Feedback</summary>" in page and "widget-view+json" not in page
