"""A file of questions with a mistake says what is wrong, in a sentence."""

import pytest

from rlcourse.course import quiz

CHOICE = """
[gae-1]
kind = "choice"
covers = ["MIS-01"]
prompt = "Which one?"
options = [
  {text = "a", right = true, feedback = "why a"},
  {text = "b", right = false, feedback = "why not b"},
  {text = "c", right = false, feedback = "why not c"},
]
"""
NUMBER = """
[gae-1]
kind = "number"
covers = ["MIS-01"]
prompt = "How much?"
form = "two numbers"
answer = [1, 2]
feedback = "just so"
hint = "think"
distractors = [
  {value = [2, 1], feedback = "in the other order"},
  {value = [1, 3], feedback = "one too many"},
]
"""


def doctored(tmp_path, text, old="", new=""):
    assert old in text
    path = tmp_path / "gae" / "quiz.toml"
    path.parent.mkdir()
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize("text", [CHOICE, NUMBER], ids=["choice", "number"])
def test_a_sound_file_is_read(tmp_path, text):
    assert list(quiz.read(doctored(tmp_path, text))) == ["gae-1"]


@pytest.mark.parametrize(
    "text, old, new, sentence",
    [
        (CHOICE, "[gae-1]", "[gae-1", "quiz.toml must be valid TOML"),
        (CHOICE, "[gae-1]", "[sac-1]", r"must hold the questions gae-1, gae-2, \.\.\. in order, got \['sac-1'\]"),
        (CHOICE, CHOICE, "", "must hold the questions"),
        (CHOICE, '"choice"', '"vote"', "question gae-1: kind must be one of choice, several, number, got 'vote'"),
        (CHOICE, 'kind = "choice"', "", "kind must be one of"),
        (CHOICE, 'prompt = "Which one?"', "", "prompt must be given"),
        (CHOICE, "prompt", "note = 1\nprompt", "the keys must be among covers, kind, options, prompt, got note"),
        (CHOICE, '"Which one?"', '" "', "prompt must be a text that is not empty, got ' '"),
        (CHOICE, '"Which one?"', '"Which $x?"', r"prompt must close every \$ that it opens"),
        (CHOICE, '["MIS-01"]', "[]", r"covers must be a list of index entries such as MIS-01, got \[\]"),
        (CHOICE, '"MIS-01"', '"MIS-1"', "covers must be a list"),
        (CHOICE, '  {text = "c", right = false, feedback = "why not c"},', "", "must be a list of at least 3"),
        (CHOICE, "right = true", "right = false", "exactly one option must be right, got 0"),
        (CHOICE, "right = false", "right = true", "exactly one option must be right, got 2"),
        (CHOICE, "right = true", "right = 1", "option 1: right must be true or false, got 1"),
        (CHOICE, '"why not b"', '""', "option 2: feedback must be a text that is not empty"),
        (CHOICE, '"why not b"', '"why a"', r"feedback must differ .* twice: \['why a'\]"),
        (CHOICE, '"c"', '"a"', "text must differ"),
        (CHOICE, '"c"', '"$c$"', "option 3: text must be plain"),
        (CHOICE, ', feedback = "why a"', "", "option 1: feedback must be given"),
        (CHOICE.replace('"choice"', '"several"'), "true", "false", "some options must be right and some not"),
        (NUMBER, "[1, 2]", '"1, 2"', "answer must be a number or a list of numbers"),
        (NUMBER, "[1, 2]", "[]", "answer must be a number or a list of numbers"),
        (NUMBER, "[1, 2]", "[1, nan]", "answer must be a number or a list of numbers"),
        (NUMBER, "[2, 1]", "2", "distractor 1: value must hold as many numbers as the answer, 2, got 1"),
        (NUMBER, "[2, 1]", "[1, 2.01]", r"distractor 1: value must differ .* from \(1\.0, 2\.0\)"),
        (NUMBER, "[1, 3]", "[2, 1]", r"distractor 2: value must differ .* from \(2\.0, 1\.0\)"),
        (NUMBER, "hint", "tolerance = 0.5\nhint", "tolerance must be a number above 0 and at most 0.1, got 0.5"),
        (NUMBER, 'hint = "think"', "", "hint must be given"),
        (NUMBER, '"one too many"', '"think"', "feedback must differ"),
        (NUMBER, '  {value = [1, 3], feedback = "one too many"},', "", "distractors must be a list of at least 2"),
    ],
)
def test_a_doctored_file_is_refused_in_a_sentence(tmp_path, text, old, new, sentence):
    with pytest.raises(ValueError, match=sentence) as problem:
        quiz.read(doctored(tmp_path, text, old, new))
    assert str(problem.value).startswith("quiz.toml") and str(problem.value).endswith(".")
