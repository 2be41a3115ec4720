// Lays a deck out: formulas first, then slides that are too tall are cut into several, then reveal.js starts.
(async () => {
  const WIDTH = 1216, HEIGHT = 658; // of what may stand on a slide: 1280 x 720 less the margins
  const LETTERS = (11 / 72) * 100; // pixels of the smallest letters in a figure: 11 points, drawn at 100 dots an inch
  const TEXT = { largest: 20, smallest: 12 }; // pixels of the text beside a picture
  const AGAIN = 48; // the heading of a slide that goes on
  const SLACK = 4; // letters differ a little from machine to machine

  const reveal = document.querySelector(".reveal"), slides = reveal.querySelector(".slides");
  const FIGURE = "img.figure", HEADING = /^H[1-4]$/;

  // -------------------------------------------------------------- from cells to blocks

  // What stands one below the other in a slide: paragraphs, lists, tables, code. `fragment` numbers what appears later.
  function blocksOf(section) {
    let fragments = 0;
    const found = [];
    const take = (node, fragment) => {
      if (node.nodeType === Node.TEXT_NODE && node.textContent.trim()) {
        const paragraph = document.createElement("p");
        node.replaceWith(paragraph);
        paragraph.append(node);
        node = paragraph;
      }
      if (node.nodeType !== Node.ELEMENT_NODE || node.matches("style, aside.notes")) return;
      if (node.matches(".fragment")) for (const child of [...node.childNodes]) take(child, ++fragments);
      else if (node.matches(".cell") || (node.tagName === "DIV" && !node.className))
        for (const child of [...node.childNodes]) take(child, fragment);
      else if (node.tagName === "P" && node.textContent.trim() === "" && !node.children.length) return;
      else found.push({ node, fragment });
    };
    for (const child of [...section.childNodes]) take(child, 0);
    return found;
  }

  // The pieces a block can be cut into, each with what the cut costs: rows, list items, lines of code.
  function piecesOf({ node, fragment }) {
    const whole = { node, fragment, inner: null, cut: 30 };
    if (node.matches("ul, ol") && node.children.length > 1)
      return [...node.children].map((inner, i) => ({ node, fragment, inner, cut: i ? 200 : 40 }));
    if (node.matches("table") && node.tBodies[0]?.rows.length > 2)
      return [...node.tBodies[0].rows].map((inner, i) => ({ node, fragment, inner, cut: i ? 350 : 40 }));
    if (node.matches("pre") && node.children.length > 2)
      return [...node.children].map((inner, i, lines) => {
        const text = inner.textContent, before = i ? lines[i - 1].textContent : "";
        const step = !before.trim() && text.trim() ? 200 : 300 + 12 * text.search(/\S|$/);
        const alone = i < 2 || i > lines.length - 2 ? 600 : 0; // a line that is cut off from all others
        return { node, fragment, inner, cut: i ? (text.trim() ? step : 600) + alone : 40 };
      });
    return [whole];
  }

  const opaque = (node) => node.matches(FIGURE) || node.matches(".rlx") || node.matches(".cover");
  const leadsIn = (node) => node.tagName === "P" && /:\s*$/.test(node.textContent);
  const isFormula = (node) => node.tagName === "P" && node.children.length === 1
    && node.firstElementChild.matches('mjx-container[display="true"]') && node.textContent.trim() === node.firstElementChild.textContent.trim();

  // Where each piece begins and ends, read once for all slides.
  function measure(pieces) {
    for (const piece of pieces) {
      const box = (piece.inner ?? piece.node).getBoundingClientRect();
      const outer = piece.node.getBoundingClientRect();
      piece.top = box.top;
      piece.bottom = box.bottom;
      piece.again = 0; // what a piece needs above it when its block is cut before it
      if (piece.inner) {
        const siblings = piece.node.matches("table") ? piece.node.tBodies[0].rows : piece.node.children;
        if (piece.inner === siblings[0]) piece.top = outer.top;
        else piece.again = siblings[0].getBoundingClientRect().top - outer.top;
        if (piece.inner === siblings[siblings.length - 1]) piece.bottom = outer.bottom;
      }
    }
  }

  function price(pieces, i) { // of a new slide before piece i
    const piece = pieces[i], last = pieces[i - 1];
    let cost = piece.cut - (piece.goesOn ? 60 : 0);
    if (HEADING.test(last.node.tagName)) return 1e6; // a heading alone at the foot of a slide
    if (piece.node !== last.node) {
      if (leadsIn(last.node)) cost += 400;
      if (isFormula(piece.node)) cost += 250;
      if (piece.node.matches("pre.printed") && last.node.matches("pre.code")) cost += 260;
      if (HEADING.test(piece.node.tagName)) cost = 0;
      else if (piece.fragment !== last.fragment) cost -= 25;
    }
    return cost;
  }

  // The cheapest way to cut pieces into slides: few slides, evenly filled, cut where it disturbs least.
  function cut(pieces, room, headed) {
    const best = [{ cost: 0 }];
    for (let end = 1; end <= pieces.length; end++) {
      best[end] = { cost: Infinity };
      for (let start = end - 1; start >= 0; start--) {
        const first = pieces[start];
        const own = start === 0 ? headed : HEADING.test(first.node.tagName);
        const height = pieces[end - 1].bottom - first.top + first.again + (own ? 0 : AGAIN);
        if (height > room && end - start > 1) break;
        const empty = Math.max(0, 1 - height / room);
        const cost = best[start].cost + 1000 + 500 * empty ** 2 + 4000 * Math.max(0, height / room - 1)
          + (start ? price(pieces, start) : 0);
        if (cost < best[end].cost) best[end] = { cost, start };
      }
    }
    const pages = [];
    for (let end = pieces.length; end > 0; end = best[end].start) pages.unshift(pieces.slice(best[end].start, end));
    return pages;
  }

  // -------------------------------------------------------------- from pieces to slides

  function fill(page, pieces) {
    const first = pieces.find((piece) => !HEADING.test(piece.node.tagName)) ?? pieces[0];
    let holder = page, held = first.fragment, block = null, copied = null;
    for (const piece of pieces) {
      if (piece.fragment !== held) {
        held = piece.fragment;
        holder = page;
        if (held !== first.fragment && held) {
          holder = document.createElement("div");
          holder.className = "fragment";
          page.append(holder);
        }
        block = null;
      }
      if (!piece.inner) {
        holder.append(piece.node);
        block = null;
        continue;
      }
      if (block !== piece.node) {
        block = piece.node;
        copied = shell(block, piece.inner);
        holder.append(copied);
      }
      (copied.tBodies?.[0] ?? copied).append(piece.inner);
    }
  }

  // An empty copy of a list, a table or code that is to hold a part of it.
  function shell(block, first) {
    const copy = block.cloneNode(false);
    if (block.matches("ol")) copy.start = 1 + Number(first.dataset.place);
    if (block.matches("table")) {
      for (const part of [block.caption, block.tHead]) if (part) copy.append(part.cloneNode(true));
      const columns = document.createElement("colgroup");
      columns.innerHTML = block.dataset.columns.split(" ").map((width) => `<col style="width:${width}px">`).join("");
      copy.append(columns, document.createElement("tbody"));
      copy.style.cssText = "table-layout:fixed;width:" + block.dataset.width + "px";
    }
    return copy;
  }

  function newPage(stack, notes) {
    const page = document.createElement("section");
    page.className = "page";
    stack.append(page);
    page.append(...notes.map((note) => note.cloneNode(true)));
    return page;
  }

  // The last heading once more, with a number: slides that go on say what they go on with.
  function repeat(heading) {
    const copy = heading.node.cloneNode(true), again = document.createElement("span");
    copy.classList.add("repeated");
    again.className = "again";
    again.textContent = ` (${++heading.count})`;
    copy.append(again);
    return copy;
  }

  // -------------------------------------------------------------- pictures

  const room = (page) => { // what is left below the heading
    const heading = page.querySelector(":scope > h2, :scope > h3");
    return HEIGHT - (heading ? heading.offsetHeight + parseFloat(getComputedStyle(heading).marginBottom) : 0);
  };

  const clamp = (size) => Math.floor(10 * Math.min(TEXT.largest, Math.max(TEXT.smallest, size))) / 10;

  // The largest picture for which controls and the longest caption have room beside it or below it.
  function fitExplorer(page, explorer) {
    const image = explorer.querySelector("img"), caption = explorer.querySelector("figcaption");
    const width = Number(image.getAttribute("width")), height = Number(image.getAttribute("height"));
    const data = JSON.parse(explorer.querySelector('script[type="application/json"]').textContent);
    const title = page.querySelector(":scope > h3"), said = caption.textContent;
    for (const size of [28, 25, 22.5, 20.5]) { // one line, if it can be
      title.style.fontSize = `${size}px`;
      if (title.offsetHeight < 1.5 * 1.2 * size) break;
    }
    const free = room(page);
    caption.textContent = data.said.reduce((longest, text) => (text.length > longest.length ? text : longest), "");
    const lay = (kind, scale, columns) => {
      explorer.classList.toggle("beside", kind === "beside");
      explorer.classList.toggle("below", kind === "below");
      explorer.classList.toggle("broad", kind === "beside" && WIDTH - 20 - width * scale > 340);
      const shown = [Math.floor(width * scale), Math.floor(height * scale)];
      image.style.width = `${shown[0]}px`;
      image.style.height = `${shown[1]}px`;
      explorer.style.fontSize = `${clamp(LETTERS * scale)}px`;
      explorer.style.padding = kind === "beside" ? `0 0 0 ${shown[0] + 20}px` : `${shown[1] + 8}px 0 0`;
      explorer.style.gridTemplateColumns = kind === "below" ? `repeat(${columns}, 1fr)` : "";
      return Math.max(explorer.scrollHeight, shown[1]) <= free && explorer.scrollWidth <= WIDTH;
    };
    let best = [0];
    const tryFit = (kind, scale, columns) => {
      if (scale > best[0] + 0.01 && lay(kind, scale, columns)) best = [scale, kind, columns];
    };
    for (const column of [240, 260, 280, 300, 320, 345, 370, 400, 440, 480, 520])
      tryFit("beside", Math.min((WIDTH - 20 - column) / width, free / height));
    for (const columns of [2, 3, 4])
      for (let scale = Math.min(WIDTH / width, free / height); scale > Math.max(0.6, best[0]); scale *= 0.97)
        tryFit("below", scale, columns);
    lay(best[1] ?? "beside", best[0] || 0.7, best[2]);
    caption.style.minHeight = best[1] === "below" ? `${caption.offsetHeight}px` : "";
    caption.textContent = said;
  }

  // A picture that was drawn beforehand; if what comes after it is a remark of a few lines, both share the slide.
  function fitFigure(page, image) {
    const width = Number(image.getAttribute("width")), height = Number(image.getAttribute("height"));
    const show = (free) => {
      const scale = Math.min(WIDTH / width, free / height);
      image.style.width = `${Math.floor(width * scale)}px`;
      image.style.height = `${Math.floor(height * scale)}px`;
      return LETTERS * scale;
    };
    const next = page.nextElementSibling, free = room(page) - 12;
    const parts = next && !next.matches(".picture") ? [...next.children].filter((part) => !part.matches(".notes, .repeated")) : [];
    if (parts.length && next.querySelector(".repeated") && !next.querySelector("pre, table, video")) {
      const remark = document.createElement("div");
      remark.className = "remark fragment";
      remark.append(...parts);
      page.append(remark);
      for (const size of [20, 19, 18]) {
        remark.style.fontSize = `${size}px`;
        if (show(free - remark.offsetHeight - 12) >= size) return next.remove();
      }
      next.append(...parts);
      remark.remove();
    }
    show(free);
  }

  // -------------------------------------------------------------- all together

  // Slides of the notebook that only go on with the one before, and say so by having no heading, become its fragments.
  function join(work) {
    const joined = [];
    for (const item of work) {
      const last = joined.at(-1), first = item.blocks[0]?.node;
      const goesOn = last && first && last.stack === item.stack && !HEADING.test(first.tagName) && !opaque(first)
        && last.notes.map((note) => note.textContent).join() === item.notes.map((note) => note.textContent).join();
      if (!goesOn) {
        joined.push(item);
        continue;
      }
      const shift = 1 + Math.max(...last.blocks.map((block) => block.fragment));
      item.blocks.forEach((block, i) => last.blocks.push({ ...block, fragment: block.fragment + shift, goesOn: i === 0 }));
      last.section.append(...item.blocks.map((block) => block.node));
      item.section.remove();
    }
    return joined;
  }

  function prepare() {
    let work = [];
    for (const stack of slides.children)
      for (const section of [...stack.children]) {
        const notes = [...section.querySelectorAll("aside.notes")], blocks = blocksOf(section);
        section.replaceChildren(...blocks.map((block) => block.node));
        work.push({ stack, section, notes, blocks });
      }
    work = join(work);
    for (const list of slides.querySelectorAll("ol"))
      [...list.children].forEach((item, i) => { item.dataset.place = i + list.start - 1; });
    const tall = [...slides.querySelectorAll("table")].filter((table) =>
      table.scrollWidth > WIDTH || table.rows[0].cells.length > 4 || table.offsetHeight > HEIGHT - 100);
    for (const table of tall) table.classList.add("wide");
    for (const item of work) {
      item.runs = [];
      for (const block of item.blocks) {
        if (opaque(block.node)) item.runs.push(block);
        else {
          if (!Array.isArray(item.runs.at(-1))) item.runs.push([]);
          const pieces = piecesOf(block);
          pieces[0].goesOn = block.goesOn;
          item.runs.at(-1).push(...pieces);
        }
      }
    }
    for (const table of slides.querySelectorAll("table")) { // cut into several, it keeps its columns
      table.dataset.columns = [...table.rows[0].cells].map((cell) => cell.getBoundingClientRect().width).join(" ");
      table.dataset.width = table.getBoundingClientRect().width;
    }
    for (const { runs } of work) for (const run of runs) if (Array.isArray(run)) measure(run);
    return work;
  }

  function paginate(work) {
    let heading = null, current = null;
    for (const { stack, section, notes, runs } of work) {
      if (stack !== current) heading = null;
      current = stack;
      for (const run of runs) {
        const single = !Array.isArray(run);
        const pages = single ? [[run]] : cut(run, HEIGHT - SLACK, HEADING.test(run[0].node.tagName));
        for (const pieces of pages) {
          const page = newPage(stack, notes), first = pieces[0].node;
          if (single && first.matches(".rlx")) {
            const title = document.createElement("h3");
            title.textContent = first.querySelector("p").textContent;
            page.append(title);
          } else if (!HEADING.test(first.tagName) && !first.matches(".cover") && heading) page.append(repeat(heading));
          fill(page, pieces);
          for (const { node } of pieces) if (HEADING.test(node.tagName)) heading = { node, count: 1 };
          if (single && !first.matches(".cover")) page.classList.add("picture");
        }
      }
      section.remove();
    }
  }

  // Fit pictures one page at a time: a layout of the whole deck for each size that is tried would take seconds.
  function fitPictures() {
    reveal.classList.add("alone");
    for (const page of slides.querySelectorAll(".picture")) {
      page.classList.add("now");
      const explorer = page.querySelector(".rlx");
      if (explorer) fitExplorer(page, explorer);
      else fitFigure(page, page.querySelector(FIGURE));
      page.classList.remove("now");
    }
    reveal.classList.remove("alone");
  }

  // A formula wider than its place shrinks.
  function narrow() {
    const wide = [...slides.querySelectorAll("mjx-container")].map((formula) => [formula,
      (formula.parentElement.clientWidth || WIDTH) / formula.firstElementChild.getBoundingClientRect().width]);
    for (const [formula, part] of wide)
      if (part < 1) formula.style.setProperty("font-size", `${Math.floor(98 * part)}%`, "important");
  }

  // What is left: a slide of one sentence speaks louder, and one that is too tall all the same shrinks as a whole.
  function finish() {
    const found = [...slides.querySelectorAll(".page")].filter((page) => !page.querySelector(".cover")).map((page) => {
      const parts = [...page.children].filter((part) => !part.matches(".notes"));
      return [page, parts, parts.at(-1).getBoundingClientRect().bottom - page.getBoundingClientRect().top];
    });
    for (const [page, parts, height] of found) {
      if (height < 230 && !page.matches(".picture") && !page.querySelector("pre, table, video, ul, ol")) page.classList.add("sparse");
      else if (height < 0.68 * HEIGHT && !page.matches(".picture") && !page.querySelector("table, video")
        && [...page.querySelectorAll("pre")].every((pre) => pre.textContent.split("\n").every((line) => line.length < 96)))
        page.classList.add("roomy");
      if (height <= HEIGHT + 1) continue;
      const small = document.createElement("div");
      small.className = "small";
      small.style.zoom = Math.floor((100 * HEIGHT) / height) / 100;
      page.append(small);
      small.append(...parts);
    }
  }

  await MathJax.startup.promise;
  await MathJax.typesetPromise([slides]);
  reveal.classList.add("measured");
  narrow();
  paginate(prepare());
  fitPictures();
  finish();
  reveal.classList.remove("measured");
  slides.querySelectorAll("aside.notes mjx-assistive-mml").forEach((node) => node.remove());
  await Reveal.initialize({
    width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 8, center: false,
    hash: true, navigationMode: "linear", slideNumber: "c/t", transition: "none", backgroundTransition: "none",
    keyboardCondition: (event) => !event.target.closest?.(".rlx"),
    plugins: [RevealNotes],
  });
  // In an explorer a key belongs to the control, but a presenter's remote still turns the slides, and Escape lets go.
  document.addEventListener("keydown", (event) => {
    if (!event.target.closest?.(".rlx")) return;
    const turn = { PageDown: "next", PageUp: "prev" }[event.key];
    if (turn) {
      event.preventDefault();
      event.stopPropagation();
      Reveal[turn]();
    } else if (event.key === "Escape") event.target.blur();
  }, true);
  document.body.classList.add("ready");
})();
