"use strict";
(() => {
  const story = JSON.parse(document.getElementById("story").textContent);
  const runs = story.runs, longest = Math.max(1, ...runs.map((run) => run.steps.length));
  const NS = "http://www.w3.org/2000/svg", HEAD = 62, FLAG = 13, CROWD = 12, LEAST = 1.5, MOST = 120;
  const drawn = { left: -1, scale: -1 };
  const byId = (id) => document.getElementById(id);
  const view = { scale: 24, left: 0, cursor: 0, selected: null };

  function make(name, parent, text, classes) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (classes) made.className = classes;
    if (parent) parent.append(made);
    return made;
  }
  function draw(name, parent, attributes, classes) {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (classes) made.setAttribute("class", classes);
    parent.append(made);
    return made;
  }
  function write(parent, x, y, text, classes, room) {
    // Letters are at most about seven pixels wide: what does not fit is cut, so that texts never run into each other.
    const most = room === undefined ? text.length : Math.floor(room / 6.1);
    if (most < 1) return null;
    const shown = text.length > most ? (most < 4 ? "" : text.slice(0, most - 1) + "…") : text;
    if (!shown) return null;
    const made = draw("text", parent, { x, y }, classes);
    made.textContent = shown;
    return made;
  }
  // One unit for the whole picture, in which its longest time is no small fraction.
  const [unit, per] = (() => {
    const last = Math.max(...runs.flatMap((run) => run.steps.map((step) => step.time)));
    return [["s", 1], ["ms", 1e3], ["µs", 1e6]].find(([, n]) => last * n >= 1) || (last ? ["ns", 1e9] : ["s", 1]);
  })();
  const seconds = (time) => `${Number((time * per).toPrecision(7))} ${unit}`;
  const decides = runs.some((run) => run.steps.some((step) => step.decision));
  const main = (run) => run.breaks.find((broken) => broken.main);

  // -- lanes ------------------------------------------------------------------------------------------------------

  const GROUPS = { client: story.callers, task: "tasks", key: "keys", connection: "connections" };
  function layout(run, from, to) {
    // Where there are many connections, only those are lanes that there is something to see of.
    const seen = new Set();
    run.bars.forEach((bar) => { if (bar.end >= from && bar.begin <= to) seen.add(bar.lane); });
    const many = run.lanes.filter((lane) => lane.group === "connection").length > CROWD;
    let y = HEAD, before = null;
    run.top = [];
    run.groups = [];
    run.flags = flags(run);
    y += FLAG * run.flags.rows;
    run.begin = y;
    run.lanes.forEach((lane, number) => {
      if (many && lane.group === "connection" && !seen.has(number)) { run.top.push(null); return; }
      if (lane.group !== before) { run.groups.push([y + 11, GROUPS[lane.group]]); y += 15; before = lane.group; }
      run.top.push(y);
      y += lane.group === "client" ? 42 : lane.group === "task" ? 14 : 20 * lane.rows + 3;
    });
    run.height = y + 4;
  }
  function flags(run) {
    // Broken properties, the one the picture is about last, each on a row of its own.
    const found = [...run.breaks].sort((a, b) => a.main - b.main || a.step - b.step);
    return { found, rows: found.length };
  }

  // -- figures ----------------------------------------------------------------------------------------------------

  const held = main(runs[0]) && main(runs[0]).name ? main(runs[0]).property : "it";
  const figures = runs.map((run, number) => {
    layout(run, -1, longest + 1);
    run.bars.sort((a, b) => a.begin - b.begin);
    const figure = make("figure", byId("figures"));
    const caption = make("figcaption", figure);
    make("span", caption, run.title);
    const broken = main(run);
    make("span", caption, broken ? ` — ${broken.property} broken in step ${broken.step + 1}` : story.bad ? ` — ${held} holds` : "",
      broken ? "broke" : "holds");
    if (number === 1) make("small", caption, ` · ${story.nearest.edits.join("; ")}`);
    if (run.note) make("small", caption, ` · ${run.note}`);
    const drawing = make("div", figure, undefined, "drawing");
    const labels = make("div", drawing, undefined, "labels");
    const left = document.createElementNS(NS, "svg");
    left.setAttribute("width", 148);
    labels.append(left);
    const scroll = make("div", drawing, undefined, "scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "img");
    scroll.setAttribute("aria-label", `${run.title}: ${run.steps.length} steps; arrow keys move the cursor`);
    const spacer = make("div", scroll);
    const svg = document.createElementNS(NS, "svg");
    spacer.append(svg);
    const made = { run, scroll, spacer, svg, left, number };
    scroll.addEventListener("scroll", () => {
      if (Math.abs(scroll.scrollLeft - view.left) < 1) return;
      view.left = scroll.scrollLeft;
      figures.forEach((other) => { if (other !== made) other.scroll.scrollLeft = view.left; });
      later();
    });
    svg.addEventListener("click", (event) => {
      const at = (event.clientX - svg.getBoundingClientRect().left + view.left) / view.scale;
      const thing = event.target.closest("[data-detail]");
      view.selected = thing ? thing.dataset.detail : null;
      move(Math.floor(at), false);
    });
    svg.addEventListener("mousemove", (event) => {
      const thing = event.target.closest("[data-detail]");
      const at = Math.floor((event.clientX - svg.getBoundingClientRect().left + view.left) / view.scale);
      const step = run.steps[at];
      tip(event, thing ? thing.dataset.detail : step ? `step ${at + 1}, ${seconds(step.time)}: ${step.what}` : "");
    });
    svg.addEventListener("mouseleave", () => { byId("tip").hidden = true; });
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const x = event.clientX - svg.getBoundingClientRect().left;
      zoom(view.scale * (event.deltaY < 0 ? 1.2 : 1 / 1.2), x);
    }, { passive: false });
    return made;
  });

  function label(run, svg) {
    svg.replaceChildren();
    svg.setAttribute("height", run.height);
    write(svg, 8, 15, "step", "faint small");
    write(svg, 8, 30, story.clock, "faint small");
    if (decides) write(svg, 8, 45, "decision", "faint small");
    run.flags.found.forEach((broken, row) => {
      write(svg, 8, HEAD + FLAG * row, broken.main ? `✗ ${broken.property} broken` : `also broken: ${broken.property}`,
        broken.main ? "bad-text" : "warn-text small", 138);
    });
    run.groups.forEach(([y, name]) => write(svg, 8, y, name, "group"));
    run.lanes.forEach((lane, number) => {
      if (run.top[number] === null) return;
      write(svg, 14, run.top[number] + (lane.group === "task" ? 11 : 14), lane.label, lane.bad ? "bad-text" : "", 130);
      draw("title", svg.lastChild, {}).textContent = lane.label;
    });
  }
  function tip(event, text) {
    const box = byId("tip");
    box.hidden = !text;
    if (!text) return;
    box.textContent = text;
    box.style.left = `${Math.min(event.clientX + 12, innerWidth - Math.min(470, box.offsetWidth + 20))}px`;
    box.style.top = `${event.clientY + 16}px`;
  }

  // -- drawing: only what is in view ------------------------------------------------------------------------------

  let asked = false;
  function later() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; render(); });
  }
  function render() {
    figures.forEach((figure) => {
      const { run, svg, spacer, scroll } = figure, width = scroll.clientWidth;
      spacer.style.width = `${Math.max(width, longest * view.scale + 2)}px`;
      svg.setAttribute("width", width);
      svg.replaceChildren();
      const from = view.left / view.scale - 1, to = (view.left + width) / view.scale + 1;
      layout(run, from, to);
      label(run, figure.left);
      svg.setAttribute("height", run.height);
      const x = (at) => Math.round((at * view.scale - view.left) * 10) / 10;
      const pen = { run, svg, width, from, to, x };
      pattern(svg, figure.number);
      ground(pen);
      axis(pen);
      run.bars.forEach((bar) => { if (bar.end >= from && bar.begin <= to && !INNER.has(bar.kind)) box(pen, bar); });
      run.bars.forEach((bar) => { if (bar.end >= from && bar.begin <= to && INNER.has(bar.kind)) inner(pen, bar, figure.number); });
      marks(pen);
      over(pen, figure.number);
    });
    drawn.left = view.left;
    drawn.scale = view.scale;
    place();
  }
  const SMALL = new Set(["step", "decision", "answer", "point"]);
  const INNER = new Set(["wait", "lease"]);

  function pattern(svg, number) {
    const hatch = draw("pattern", draw("defs", svg, {}), { id: `hatch${number}`, width: 5, height: 5,
      patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
    draw("line", hatch, { x1: 0, y1: 0, x2: 0, y2: 5 }, "hatch");
  }
  function ground({ run, svg, width }) {
    run.lanes.forEach((lane, number) => {
      if (run.top[number] === null || number % 2) return;
      const height = lane.group === "client" ? 41 : lane.group === "task" ? 13 : 20 * lane.rows + 2;
      draw("rect", svg, { x: 0, y: run.top[number], width, height }, "stripe");
    });
    draw("line", svg, { x1: 0, x2: width, y1: run.begin - 3, y2: run.begin - 3 }, "rule");
  }
  function axis({ run, svg, width, from, to, x }) {
    const apart = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((n) => n * view.scale >= 34) || 1000;
    const first = Math.max(0, Math.floor(from)), last = Math.min(run.steps.length - 1, Math.ceil(to));
    let timed = -1e9, decided = -1e9;
    for (let at = first; at <= last; at++) {
      const step = run.steps[at], before = at ? run.steps[at - 1] : null;
      if (at % apart === 0) {
        write(svg, x(at) + 2, 15, String(at + 1), "small faint");
        draw("line", svg, { x1: x(at), x2: x(at), y1: 6, y2: run.height }, "rule");
      }
      const time = seconds(step.time), long = 6.1 * time.length + 8;
      if ((!before || before.time !== step.time || at === first) && x(at) >= timed && (x(at) + long <= width || at === first)) {
        timed = x(at) + long;
        write(svg, x(at) + 2, 30, time, "small");
      }
      if (step.decision && (!before || before.decision !== step.decision) && x(at) - decided > 30) {
        decided = x(at);
        write(svg, x(at) + 2, 45, String(step.decision), "small faint");
      }
    }
  }
  function box({ run, svg, width, x }, bar) {
    const lane = run.lanes[bar.lane], tall = lane.group === "client" ? 17 : 18;
    const left = x(bar.begin), wide = Math.max(1.5, x(bar.end) - left), y = run.top[bar.lane] + 1 + 20 * bar.row;
    const made = draw("rect", svg, { x: left, y, width: wide, height: tall, rx: 3 }, `bar ${bar.kind}${bar.bad ? " bad" : ""}`);
    made.dataset.detail = bar.detail || bar.text;
    const shown = Math.max(left, 0);
    write(svg, shown + 4, y + 13, bar.text, bar.bad ? "strong" : bar.kind === "memory" ? "small faint" : "", Math.min(left + wide, width) - shown - 6);
  }
  function inner({ run, svg, width, x }, bar, number) {
    const left = x(bar.begin), wide = Math.max(1, x(bar.end) - left), y = run.top[bar.lane];
    const waits = bar.kind === "wait";
    const made = draw("rect", svg, { x: left, y: y + (waits ? 19 : 35), width: wide, height: waits ? 14 : 5 },
      waits ? "bar hatched" : "bar lease");
    if (waits) made.setAttribute("fill", `url(#hatch${number})`);
    made.dataset.detail = bar.detail;
    if (!waits) return;
    const shown = Math.max(left, 0), room = Math.min(left + wide, width) - shown - 6;
    const text = write(svg, shown + 4, y + 30, bar.text, "small", room);
    if (text) {
      // On a ground of its own, or the hatching would run through it.
      const size = Math.min(room + 2, text.textContent.length * 5.9 + 4);
      text.before(draw("rect", svg, { x: shown + 2, y: y + 20.5, width: size, height: 11, fill: "var(--page)", "fill-opacity": .85,
        "pointer-events": "none" }));
    }
  }
  function marks({ run, svg, from, to, x }) {
    run.marks.forEach((mark) => {
      if (mark.at < from || mark.at > to || run.top[mark.lane] === null || (view.scale < 5 && SMALL.has(mark.kind))) return;
      const at = x(mark.at), lane = run.lanes[mark.lane], y = run.top[mark.lane] + 20 * mark.row;
      let made;
      const low = lane.group === "client" ? 19 : 10;
      switch (mark.kind) {
        case "step":
          made = draw("rect", svg, { x: at - 1.5, y: lane.group === "task" ? y + 2 : y + 14, width: 3, height: lane.group === "task" ? 9 : 4 });
          break;
        case "decision":
          made = draw("path", svg, { d: `M${at - 4} ${y} h8 l-4 6 z` });
          break;
        case "point":
          made = draw("path", svg, { d: `M${at} ${y + (lane.group === "client" ? 13 : 9)} l5 6 l-5 6 l-5 -6 z` });
          break;
        case "cancel": case "fault":
          made = draw("path", svg, { d: `M${at - 5} ${y + low - 6} l10 10 m0 -10 l-10 10` });
          break;
        case "break":
          made = draw("path", svg, { d: `M${at - 6} ${y + 3} l12 12 m-12 0 l12 -12`, stroke: "var(--bad)", "stroke-width": 3 });
          break;
        default:
          made = draw("rect", svg, { x: at - 1, y: y + 1, width: 2, height: 17 });
      }
      made.setAttribute("class", `mark-${mark.kind}`);
      made.dataset.detail = mark.kind === "point" ? `takes effect here: ${mark.text}` : mark.text;
    });
  }
  function over({ run, svg, width, x }, number) {
    run.flags.found.forEach((broken, row) => {
      const left = x(broken.step), right = x(broken.step + 1), y = HEAD + FLAG * row;
      if (broken.main) {
        draw("rect", svg, { x: left, y: 4, width: right - left, height: run.height - 4 }, "bad-step");
        draw("line", svg, { x1: right, x2: right, y1: 4, y2: run.height }, "bad-line");
      } else {
        draw("line", svg, { x1: left, x2: left, y1: y - 8, y2: run.height }, "warn-line");
      }
      const text = `${broken.property}: ${broken.message.split("\n")[0]}`, size = 6.1 * text.length;
      // To the right of its step where it fits, otherwise to the left.
      const place = left + size > width ? Math.max(2, Math.min(right - size - 2, width - size - 2)) : left + 2;
      if (right >= 0 && left <= width) write(svg, place, y, text, broken.main ? "bad-text flag" : "warn-text small flag", width - place - 4);
    });
    if (story.nearest && runs.length > 1) {
      const at = x(story.nearest.diverges[number]);
      draw("line", svg, { x1: at, x2: at, y1: 4, y2: run.height }, "part-line");
      write(svg, at + 4, run.height - 5, "first divergence", "part-text small flag");
    }
    run.cursor = draw("rect", svg, { y: 2, height: run.height - 4 }, "cursor");
  }
  function place() {
    runs.forEach(({ cursor, steps }) => {
      cursor.setAttribute("x", Math.round((view.cursor * view.scale - view.left) * 10) / 10);
      cursor.setAttribute("width", Math.max(2, view.scale));
      cursor.setAttribute("visibility", view.cursor < steps.length ? "visible" : "hidden");
    });
  }

  // -- the cursor ---------------------------------------------------------------------------------------------------

  function move(to, follow = true) {
    view.cursor = Math.max(0, Math.min(longest - 1, to));
    if (follow) reveal();
    tell();
    // The cursor alone moves, unless there is something else to be seen now.
    if (drawn.left === view.left && drawn.scale === view.scale) place();
    else later();
  }
  function reveal() {
    const width = figures[0].scroll.clientWidth, at = view.cursor * view.scale;
    if (at < view.left) scrollTo(at - width / 4);
    else if (at + view.scale > view.left + width) scrollTo(at - width * 3 / 4);
  }
  function scrollTo(left) {
    view.left = Math.max(0, Math.min(left, longest * view.scale - figures[0].scroll.clientWidth));
    figures.forEach(({ scroll, spacer }) => {
      spacer.style.width = `${Math.max(scroll.clientWidth, longest * view.scale + 2)}px`;
      scroll.scrollLeft = view.left;
    });
  }
  function zoom(scale, x) {
    const width = figures[0].scroll.clientWidth;
    const held = x === undefined ? Math.max(0, Math.min(width, (view.cursor + .5) * view.scale - view.left)) : x;
    const at = (view.left + held) / view.scale;
    view.scale = Math.max(LEAST, Math.min(MOST, scale));
    scrollTo(at * view.scale - held);
    later();
  }
  function fit() {
    view.scale = Math.max(LEAST, Math.min(MOST, (figures[0].scroll.clientWidth - 2) / longest));
    scrollTo(0);
    later();
  }
  const isEvent = (at) => runs.some((run) => run.steps[at] && run.steps[at].event);
  function event(direction) {
    for (let at = view.cursor + direction; at >= 0 && at < longest; at += direction) {
      if (isEvent(at)) return move(at);
    }
    return move(direction > 0 ? longest - 1 : 0);
  }

  // -- panels -------------------------------------------------------------------------------------------------------

  function list(parent, lines, classes) {
    const made = make("ul", parent);
    lines.forEach((line) => make("li", made, line, classes));
  }
  function tell() {
    const at = byId("at");
    at.replaceChildren();
    const texts = runs.map((run) => run.steps[view.cursor]);
    const step = texts[0] || texts[1];
    make("h2", at, `Step ${view.cursor + 1}${view.cursor < runs[0].steps.length ? ` of ${runs[0].steps.length}` : ""}, at ${seconds(step.time)}` +
      (step.decision ? `, decision ${step.decision}` : ""));
    texts.forEach((found, number) => {
      if (!found) return;
      if (number === 1 && same(found, texts[0])) return;
      if (number === 1) make("h3", at, "in the passing schedule");
      make("p", at, found.what);
      list(at, found.details);
    });
    runs[0].breaks.filter((broken) => broken.step === view.cursor).forEach((broken) => {
      make("p", at, `✗ ${`${broken.property} ${broken.name}`.trim()}: ${broken.message}`, broken.main ? "broke" : "also");
      make("p", at, `${broken.property} says: ${broken.statement}`);
    });
    state(byId("state"), runs[0], "State after this step");
    const other = byId("other");
    other.hidden = true;
    if (runs.length > 1) state(other, runs[1], "State in the passing schedule");
    const selected = byId("selected");
    selected.hidden = !view.selected;
    selected.replaceChildren();
    if (view.selected) { make("h2", selected, "Selected"); make("p", selected, view.selected); }
  }
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  function state(section, run, title) {
    section.replaceChildren();
    section.hidden = !run.states.some((found) => found.length);
    make("h2", section, title);
    const number = run.stateAt[Math.min(view.cursor, run.stateAt.length - 1)];
    if (view.cursor >= run.steps.length) make("p", section, "this run is over; its last state:");
    (run.states[number] || []).forEach((part) => { make("h3", section, part.title); list(section, part.lines); });
  }
  function nearest() {
    const found = story.nearest, section = byId("nearest");
    if (!found) return;
    section.hidden = false;
    if (runs.length < 2) {
      make("h2", section, "No passing schedule was found near this one");
      make("p", section, `Looked at: ${found.bound}.`);
      return;
    }
    make("h2", section, "The nearest schedule that passes");
    list(section, found.edits);
    make("p", section, `Found after ${found.tried} ${found.tried === 1 ? "run" : "runs"}; looked at: ${found.bound}.`);
    const rows = make("div", section, undefined, "rows"), table = make("table", rows);
    let parted = false;
    found.pairs.forEach(([one, other]) => {
      const differs = one[1] !== other[1], row = make("tr", table, undefined, differs ? "differs" : "");
      if (differs && !parted) { row.classList.add("part"); parted = true; }
      [one, other].forEach(([number, text]) => {
        make("td", row, number ? String(number) : "", "number");
        make("td", row, text);
      });
    });
  }
  function explanation() {
    const found = story.explanation, section = byId("explanation");
    if (!found) return;
    section.hidden = false;
    if (found.whole) {
      const rest = found.total - found.placed;
      make("h2", section, `Linearizable up to here: ${found.placed} ${story.actions} have their places (◇)`);
      if (rest) make("p", section, `${rest} more may have happened or not: nothing that was seen needs ${rest === 1 ? "it" : "them"}.`);
      return;
    }
    make("h2", section, `How far the history can be explained: ${found.placed} of ${found.total} ${story.actions} can be placed`);
    if (found.note) make("p", section, found.note);
    if (found.last.length) { make("h3", section, "the last of the longest partial linearization"); list(section, found.last); }
    if (found.state) { make("h3", section, "which leads to"); make("p", section, found.state); }
    if (found.stuck.length) {
      make("h3", section, "and none of these can come next");
      list(section, found.stuck.map(([what, why]) => (why ? `${what} — ${why}` : what)));
    }
  }

  // -- the beginning --------------------------------------------------------------------------------------------------

  const heading = byId("verdict"), broken = main(runs[0]);
  heading.textContent = story.verdict;
  heading.classList.toggle("bad", story.bad);
  byId("statement").textContent = broken ? `${broken.property} says: ${broken.statement}` : "";
  byId("facts").textContent = story.facts.map(([name, value]) => `${name}: ${value}`).join(" · ");
  byId("legend").textContent = story.legend;
  byId("text").querySelector("pre").textContent = story.text;
  const bad = broken ? broken.step : null;
  const actions = [
    ["|‹", "first step (Home)", () => move(0), ["Home"]],
    ["‹ event", "previous event (p)", () => event(-1), ["p", "PageUp"]],
    ["‹", "one step back (←)", () => move(view.cursor - 1), ["ArrowLeft"]],
    ["›", "one step on (→)", () => move(view.cursor + 1), ["ArrowRight"]],
    ["event ›", "next event (n)", () => event(1), ["n", "PageDown"]],
    ["›|", "last step (End)", () => move(longest - 1), ["End"]],
    ["−", "smaller (-)", () => zoom(view.scale / 1.4), ["-"]],
    ["+", "larger (+)", () => zoom(view.scale * 1.4), ["+", "="]],
    ["all", "everything in view (0)", fit, ["0"]],
  ];
  if (bad !== null) actions.push(["first bad step", "first bad step (b)", () => move(bad), ["b"]]);
  if (story.nearest && runs.length > 1) {
    actions.push(["divergence", "first divergence (d)", () => move(story.nearest.diverges[0]), ["d"]]);
  }
  actions.forEach(([text, title, act]) => {
    const button = make("button", byId("controls"), text);
    button.type = "button";
    button.title = title;
    button.setAttribute("aria-label", title);
    button.addEventListener("click", act);
  });
  make("span", byId("controls"), "keys: ← → Home End, n p events, + − 0 zoom" + (bad !== null ? ", b bad step" : "") +
    (runs.length > 1 ? ", d divergence" : ""), "keys");
  document.addEventListener("keydown", (pressed) => {
    if (pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
    const found = actions.find(([, , , keys]) => keys.includes(pressed.key));
    if (!found) return;
    pressed.preventDefault();
    found[2]();
  });
  if (runs[0].short.length) {
    const section = byId("short");
    section.hidden = false;
    make("h2", section, "In short");
    const told = make("ol", section);
    runs[0].short.forEach(([at, words], number) => {
      const button = make("button", make("li", told));
      button.type = "button";
      make("span", button, `step ${at + 1}`, "at");
      make("span", button, words, number === runs[0].short.length - 1 ? "broke" : "");
      button.addEventListener("click", () => move(at));
    });
  }
  addEventListener("resize", later);
  nearest();
  explanation();
  view.cursor = bad === null ? 0 : bad;
  const roomy = figures[0].scroll.clientWidth / longest;
  if (roomy >= 9) fit();
  else { view.scale = 22; scrollTo((view.cursor + 2) * view.scale - figures[0].scroll.clientWidth * .75); }
  tell();
  render();
})();
