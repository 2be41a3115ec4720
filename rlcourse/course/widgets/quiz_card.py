"""A question of a quiz as widgets: it answers each answer at once."""

import ipywidgets as widgets

from rlcourse.course import progress, quiz
from rlcourse.course.widgets import still

# Theme variables of JupyterLab first, then a value for other front ends. ipywidgets keeps a label on one
# line and cuts it off; the rules for labels let it wrap. In a radio label it puts the text before the button.
STYLE = """<style>
.rlcourse-quiz {max-width: 52rem; padding: 2px 4px; overflow: visible}
.rlcourse-quiz > * {overflow: visible}
.rlcourse-quiz .widget-html-content, .rlcourse-quiz .jupyter-widget-html-content,
.rlcourse-quiz .widget-htmlmath-content, .rlcourse-quiz .jupyter-widget-htmlmath-content
  {font-size: var(--jp-content-font-size1, 14px); line-height: 1.5;
   color: var(--jp-content-font-color1, inherit)}
.rlcourse-quiz .widget-radio, .rlcourse-quiz .widget-checkbox {width: auto; max-width: 100%; height: auto}
.rlcourse-quiz .widget-radio-box label, .rlcourse-quiz .widget-checkbox label
  {display: flex; align-items: flex-start; height: auto; padding: 3px 0;
   overflow: visible; white-space: normal; font-size: var(--jp-content-font-size1, 14px); line-height: 1.5;
   color: var(--jp-content-font-color1, inherit)}
.rlcourse-quiz .widget-radio-box label {flex-direction: row-reverse; justify-content: flex-end}
.rlcourse-quiz .widget-radio-box input, .rlcourse-quiz .widget-checkbox input[type=checkbox]
  {float: none; flex: 0 0 auto; align-self: flex-start; width: 16px; height: 16px; margin: 0.2em 10px 0 2px}
.rlcourse-quiz input:focus-visible, .rlcourse-quiz button:focus-visible
  {outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 2px}
.rlcourse-quiz .rlcourse-reply {border-left: 4px solid; padding: 2px 0 2px 12px; margin-top: 4px}
.rlcourse-quiz .rlcourse-reply p {margin: 4px 0}
.rlcourse-quiz .rlcourse-right {border-left-color: var(--jp-success-color1, #388e3c)}
.rlcourse-quiz .rlcourse-not-yet {border-left: 4px dashed var(--jp-warn-color1, #f57c00)}
</style>"""


class Card(still.Box):
    """One question on screen: prompt, controls, and a reply once the student has answered.

    `reply` is None until then. Without a kernel the stored output falls back to text/html or text/plain;
    `still` is the former, with what was answered so far.
    """

    def __init__(self, question):
        self.question = question
        self.reply = None
        prompt = f"<div><strong>Question {question.id}.</strong> {quiz.marked(question.prompt)}</div>"
        self.prompt = widgets.HTMLMath(STYLE + prompt)
        self.feedback = widgets.HTMLMath("")
        self.check = widgets.Button(description="Check", tooltip="Check my answer")
        self.check.on_click(lambda _: self._check())
        controls = {"choice": self._radio, "several": self._ticks, "number": self._field}[question.kind]()
        super().__init__([self.prompt, *controls, self.feedback])
        self.add_class("rlcourse-quiz")
        self.note = "Run this cell to answer the question."
        self._keep()

    def _radio(self):
        texts = [option.text for option in self.question.options]
        self.radio = widgets.RadioButtons(options=texts, index=None)  # None: nothing is chosen yet
        self.radio.layout.width = "auto"
        self.radio.observe(lambda _: self._show(self.question.grade(self.radio.index)), "index")
        hint = widgets.HTMLMath("<em>Choose one (on the keyboard: Tab moves, Space chooses).</em>")
        return [hint, self.radio]

    def _ticks(self):
        texts = [option.text for option in self.question.options]
        self.ticks = [widgets.Checkbox(False, description=text, indent=False) for text in texts]
        for tick in self.ticks:
            tick.layout.width = "auto"
            tick.observe(lambda _: self._changed(), "value")
        hint = widgets.HTMLMath("<em>Tick all that apply, then press Check.</em>")
        return [hint, *self.ticks, self.check]

    def _field(self):
        # Enter or leaving the field sends the text; a text sent with Check is judged anyway.
        self.field = widgets.Text(description="Answer", continuous_update=False)
        self.field.style.description_width = "auto"
        self.field.layout.width = "22rem"
        self.field.observe(lambda _: self._check(), "value")
        form = widgets.HTMLMath(f"<em>Type {quiz.marked(self.question.form)}, then press Enter or Check.</em>")
        return [form, widgets.HBox([self.field, self.check])]

    def _check(self):
        if self.question.kind == "number":
            self._show(self.question.grade(self.field.value))
        else:
            self._show(self.question.grade({place for place, tick in enumerate(self.ticks) if tick.value}))

    def _changed(self):
        self._keep()
        if self.reply is not None:  # the remarks stay on screen to be read while the ticks are corrected
            again = "The ticks have changed since this reply: press Check again."
            self._show(quiz.Reply(None, again, self.reply.remarks))

    def _show(self, reply):
        self.reply = reply
        if reply.right:
            progress.record("questions", self.question.id)
        # role=alert: a screen reader says it when it appears.
        name = quiz.MARKS[reply.right][1]
        self.feedback.value = (
            f'<div class="rlcourse-reply rlcourse-{name}" role="alert">{quiz.reply_as_html(reply)}</div>'
        )
        self._keep()

    def _keep(self):
        answer = ""
        if self.answer:
            answer = f"<p><strong>Your answer:</strong> {quiz.marked(self.answer)}</p>"
        if self.reply is not None:
            answer += quiz.reply_as_html(self.reply)
        self.still = {"text/html": quiz.as_html(self.question) + answer}

    @property
    def answer(self):
        """What is chosen, ticked or typed, in words; empty if nothing is."""
        if self.question.kind == "number":
            return self.field.value
        if self.question.kind == "choice":
            return self.radio.value or ""
        return "; ".join(tick.description for tick in self.ticks if tick.value)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return super()._repr_mimebundle_() | {"text/plain": quiz.as_text(self.question)}
