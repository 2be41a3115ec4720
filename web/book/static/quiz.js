/* Questions of the quiz, answered on the page: it judges as quiz.Question.grade does in a notebook. What is said about
   each answer stands in the fold of all answers, which serves readers without scripts too. */
const NUMBER = "[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?";
const FRACTION = new RegExp(`^${NUMBER}(?:/${NUMBER})?$`);

/* A decimal number or a fraction such as 5/3; null if it is neither. */
function readNumber(piece) {
  if (!FRACTION.test(piece)) return null;
  const [top, bottom] = piece.split("/").map(Number);
  const number = bottom === undefined ? top : top / bottom;
  return Number.isFinite(number) ? number : null;
}

/* As many numbers as are asked for, or a sentence that says why there are none. */
function readNumbers(text, count) {
  const bare = text.trim().replace(/^[()[\]{} ]+|[()[\]{} ]+$/g, "").replace(/[−–]/g, "-").toLowerCase();
  if (!bare) return "There is no number yet.";
  const cut = (text, ends) => text.replace(new RegExp(`^[${ends}]+|[${ends}]+$`, "g"), "");
  // A comma can separate numbers or be a decimal comma; the first reading with the right length wins.
  const readings = [
    cut(bare, ",; ").split(/[,;\s]+/),
    bare.split(/\s+/).filter(Boolean).map((piece) => cut(piece, ",").replaceAll(",", ".")),
  ];
  if (bare.includes(";")) readings.unshift(cut(bare, "; ").split(";").map((piece) => piece.trim().replaceAll(",", ".")));
  const read = readings.map((pieces) => pieces.map(readNumber)).filter((numbers) => !numbers.includes(null));
  const fitting = read.find((numbers) => numbers.length === count);
  if (fitting) return fitting;
  if (!read.length) return `"${text.trim()}" cannot be read as ${count === 1 ? "a number" : "numbers"}.`;
  return `${count} ${count === 1 ? "number is" : "numbers are"} needed, but ${read[0].length} came.`;
}

/* The verdict on an answer (true, false, or null where there is nothing to judge), its headline, and its remarks, each a
   title and a text; both are lists of what stands in a line. */
function judge(form) {
  const asked = JSON.parse(form.dataset.asked), inputs = [...form.querySelectorAll("input")];
  const copy = (element) => [...element.childNodes].map((node) => node.cloneNode(true));     // formulas are set already
  const entries = [...form.querySelectorAll(".said")], said = (i) => copy(entries.at(i));
  if (asked.kind === "choice") {
    const chosen = inputs.findIndex((input) => input.checked), right = asked.right[chosen];
    if (chosen < 0) return [null, "Choose one line first.", []];       // Enter was pressed on an empty form
    return [right, right ? "Right." : "Not yet.", [[[], said(chosen)]]];
  }
  if (asked.kind === "several") {
    const every = inputs.map((_, i) => i), ticked = every.filter((i) => inputs[i].checked);
    if (!ticked.length) return [null, "Tick at least one line first, then press Check.", []];
    const holding = ticked.filter((i) => asked.right[i]).length;
    const missing = asked.right.filter(Boolean).length - holding;
    const remark = (i, verdict) => [[`${verdict}: `, ...copy(inputs[i].labels[0].querySelector("span"))], said(i)];
    if (holding === ticked.length && !missing)     // only now the lines left open get their remark too
      return [true, "Right, all of it.", every.map((i) =>
        remark(i, asked.right[i] ? "Ticked, and rightly so" : "Left open, and rightly so"))];
    const more = missing ? ` ${missing} more ${missing === 1 ? "belongs" : "belong"} to the answer.` : "";
    return [false, `Not yet. Ticked: ${ticked.length}, of these right: ${holding}.${more}`, ticked.map((i) =>
      remark(i, asked.right[i] ? "Ticked, and rightly so" : "Ticked, think again"))];
  }
  const given = readNumbers(inputs[0].value, asked.answer.length);
  if (typeof given === "string")
    return [null, "This cannot be checked yet.", [[[], [`${given} Expected: `, ...copy(form.querySelector(".form")), "."]]]];
  const meets = (target) => target.every((y, i) => Math.abs(given[i] - y) <= asked.tolerance * Math.abs(y) + 1e-9);
  const right = meets(asked.answer);
  // The fold of answers begins with the hint, for a mistake that nobody foresaw, and ends with the answer.
  return [right, right ? "Right." : "Not yet.", [[[], said(right ? -1 : asked.wrong.findIndex(meets) + 1)]]];
}

function answer(form) {
  const [right, headline, remarks] = judge(form), reply = form.querySelector(".reply");
  const made = (tag, ...parts) => {
    const element = document.createElement(tag);
    element.append(...parts);
    return element;
  };
  const mark = right === null ? "…" : right ? "✓" : "↻";
  reply.dataset.right = right;
  reply.replaceChildren(
    made("p", made("strong", `${mark} ${headline}`)),
    ...remarks.map(([title, text]) =>
      title.length ? made("p", made("strong", ...title), made("br"), ...text) : made("p", ...text)),
  );
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("form.question").forEach((form) => {
    const kind = JSON.parse(form.dataset.asked).kind, reply = form.querySelector(".reply");
    form.reset();                                  // a browser may restore an old answer on reload
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer(form);
    });
    form.addEventListener("change", () => {
      if (kind === "choice") answer(form);
      else if (kind === "several" && "right" in reply.dataset) {
        reply.dataset.right = null;                // the remarks stay to be read while the ticks are corrected
        reply.querySelector("strong").textContent = "… The ticks have changed since this reply: press Check again.";
      }
    });
  });
});
