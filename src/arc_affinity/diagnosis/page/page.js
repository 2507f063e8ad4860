"use strict";
// Tasks of the page: sort, filter, search, and draw a task's grids when it is opened.
(() => {
  // Pixels that the longest side of a grid is fitted into; two grids and an arrow fit side by side on a phone.
  const ROOM = matchMedia("(max-width: 40rem)").matches ? 132 : 220;
  const CARD = 96, LARGEST_CELL = 20, LARGEST_ZOOMED = 48;
  const SVG = "http://www.w3.org/2000/svg";
  const data = JSON.parse(document.getElementById("data").textContent);
  const { palette: PALETTE, digits: DIGITS, line: LINE } = data;
  const table = document.getElementById("tasks-table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const digits = document.getElementById("digits");

  // ---- grids -------------------------------------------------------------------------------------------------
  // "3:012345" is two rows of three columns.
  function parse(packed) {
    const [cols, cells] = packed.split(":");
    const wide = Number(cols), grid = [];
    for (let at = 0; at < cells.length; at += wide) grid.push(cells.slice(at, at + wide));
    return grid;
  }

  function element(name, attributes, ...children) {
    const made = name in { svg: 1, path: 1, text: 1, rect: 1 }
      ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    made.append(...children);
    return made;
  }

  function runs(grid, colour) {
    let steps = "";
    grid.forEach((row, y) => {
      for (let x = 0; x < row.length; x++) {
        if (row[x] !== colour) continue;
        const begin = x;
        while (row[x + 1] === colour) x++;
        steps += `M${begin} ${y}h${x + 1 - begin}v1h${begin - x - 1}z`;
      }
    });
    return steps;
  }

  function wrongCells(grid, target) {
    const wrong = [];
    grid.forEach((row, y) => [...row].forEach((cell, x) => {
      if (!target[y] || target[y][x] !== cell) wrong.push([y, x]);
    }));
    return wrong;
  }

  // Marks are drawn wide in black, then narrow in white: one of the two shows on any colour.
  function drawGrid(packed, name, targetPacked, room = ROOM, largest = LARGEST_CELL) {
    const grid = parse(packed), target = targetPacked ? parse(targetPacked) : null;
    const rows = grid.length, cols = grid[0].length;
    const tall = Math.max(rows, target ? target.length : 0), wide = Math.max(cols, target ? target[0].length : 0);
    const written = digits.checked;
    const cell = Math.max(written && room > CARD ? 13 : 3, Math.min(largest, Math.floor(room / Math.max(tall, wide))));
    const wrong = target ? wrongCells(grid, target) : [];
    const words = `${name}: ${rows} rows, ${cols} columns` + (target ? `, ${wrong.length} cells marked wrong` : "");
    const svg = element("svg", { class: "grid", role: "img", "aria-label": words, width: wide * cell + 2,
      height: tall * cell + 2, viewBox: `-.05 -.05 ${wide + .1} ${tall + .1}` });
    for (const colour of new Set(grid.join(""))) {
      svg.append(element("path", { d: runs(grid, colour), fill: PALETTE[colour] }));
    }
    let lines = "";
    for (let y = 0; y <= rows; y++) lines += `M0 ${y}h${cols}`;
    for (let x = 0; x <= cols; x++) lines += `M${x} 0v${rows}`;
    svg.append(element("path", { d: lines, stroke: LINE, "stroke-width": .06, fill: "none" }));
    if (written && room > CARD) {
      grid.forEach((row, y) => [...row].forEach((digit, x) => svg.append(
        element("text", { x: x + .5, y: y + .73, fill: DIGITS[digit] }, digit))));
    }
    // A cross would hide the digit, so there the mark is a frame.
    const mark = written ? "h.76v.76h-.76z" : "m.13 .13l.5 .5m-.5 0l.5-.5";
    const marks = wrong.map(([y, x]) => `M${(x + .12).toFixed(2)} ${(y + .12).toFixed(2)}${mark}`).join("");
    if (marks) {
      svg.append(element("path", { d: marks, stroke: "#000", "stroke-width": written ? .2 : .3, fill: "none" }));
      svg.append(element("path", { d: marks, stroke: "#fff", "stroke-width": written ? .1 : .15, fill: "none",
        class: "wrong-marks" }));
    }
    if (target && (target.length !== rows || target[0].length !== cols)) {
      for (const look of [{ stroke: "#000", "stroke-width": .34 },
        { stroke: "#fff", "stroke-width": .2, "stroke-dasharray": ".5 .35", class: "target-size" }]) {
        svg.append(element("rect", { x: 0, y: 0, width: target[0].length, height: target.length, fill: "none", ...look }));
      }
    }
    return svg;
  }

  function gridFigure(packed, name, target, caption) {
    if (!packed) return element("figure", {}, element("figcaption", {}, `${name}: no grid`));
    const size = `${packed.slice(packed.indexOf(":") + 1).length / parseInt(packed)} × ${parseInt(packed)}`;
    const words = element("figcaption", {}, `${name}, ${size}`);
    if (caption) words.append(element("br", {}), caption);
    const button = element("button", { type: "button", class: "zoom", "aria-label": `enlarge ${name}` },
      drawGrid(packed, name, target));
    button.addEventListener("click", () => zoom(packed, name, target));
    return element("figure", {}, button, words);
  }

  // A grid as large as the window allows, an attempt beside its target.
  const dialog = element("dialog", { id: "zoom", "aria-label": "Enlarged grids" });
  document.body.append(dialog);

  function zoom(packed, name, target) {
    const shown = [...(target ? [[target, "target", null]] : []), [packed, name, target]];
    const across = shown.length > 1 && innerWidth > innerHeight ? 2 : 1;
    const room = Math.min(innerWidth * .88 / across, innerHeight * (across < shown.length ? .36 : .74));
    const close = element("button", { type: "button" }, "Close");
    close.addEventListener("click", () => dialog.close());
    dialog.replaceChildren(element("div", { class: "grids" }, ...shown.map(([grid, words, other]) => element("figure", {},
      drawGrid(grid, words, other, room, LARGEST_ZOOMED), element("figcaption", {}, words)))), close);
    dialog.showModal();
  }

  // ---- one task ----------------------------------------------------------------------------------------------
  function verdict(kind) {
    return element("span", { class: kind === "solved" ? "exact" : "failed" },
      kind === "solved" ? "exact" : data.kinds[kind]);
  }

  function drawPairs(box, title, pairs) {
    if (!pairs.length) return;
    box.append(element("h3", {}, title), element("div", { class: "grids" }, ...pairs.map(([from, to]) =>
      element("div", { class: "pair" }, gridFigure(from, "input"), element("span", { "aria-hidden": "true" }, "→"),
        gridFigure(to, "output")))));
  }

  // Every attempt stands beside its target, with which it is compared.
  function drawAttempts(test, attempts) {
    const target = test.target ? gridFigure(test.target, "target") : element("p", {}, "The target is withheld.");
    if (!attempts) return [target, element("p", {}, "no attempt")];
    return [target, ...attempts.map(([packed, kind, program], n) => {
      const figure = gridFigure(packed, `attempt ${n + 1}`, test.target, kind ? verdict(kind) : "not scored");
      if (program) figure.querySelector("figcaption").append(element("br", {}), element("code", {}, program));
      return figure;
    })];
  }

  function drawTask(task) {
    const box = element("div", { class: "task" });
    drawPairs(box, data.pairs, task.train);
    for (const test of task.tests) {
      const name = task.outputs > 1 ? `Test output ${test.number} of ${task.outputs}` : "Test";
      drawPairs(box, `Demonstrations that the model was shown with ${name[0].toLowerCase()}${name.slice(1)}`,
        test.given ?? []);
      const several = data.sets.length > 1;
      box.append(element("h3", {}, name), element("div", { class: "grids" }, gridFigure(test.input, "input"),
        ...(several ? [] : drawAttempts(test, test.attempts[0]))));
      if (several) data.sets.forEach((set, place) => box.append(element("h3", {}, set),
        element("div", { class: "grids" }, ...drawAttempts(test, test.attempts[place]))));
    }
    if (task.tests.length < task.outputs) {
      box.append(element("p", { class: "small" },
        `Pictures of ${task.tests.length} of its ${task.outputs} outputs are in this page.`));
    }
    return box;
  }

  function toggle(row, open) {
    const button = row.querySelector("button");
    const shown = button.getAttribute("aria-expanded") === "true";
    if (shown === open) return;
    button.setAttribute("aria-expanded", String(open));
    if (!open) return row.nextElementSibling.remove();
    const inside = element("td", { colspan: row.cells.length });
    const task = data.tasks[row.dataset.task];
    inside.append(steps(row), task ? drawTask(task) : "No pictures of this task are in this page.");
    row.after(element("tr", { class: "open", id: `open-${row.dataset.task}` }, inside));
  }

  // To the tasks before and after this one, as they are sorted and filtered now.
  function steps(row) {
    const shown = rows.filter(each => !each.hidden);
    const at = shown.indexOf(row);
    const to = (other, words) => {
      const button = element("button", { type: "button" }, words);
      button.disabled = !other;
      button.addEventListener("click", () => { toggle(row, false); visit(other); });
      return button;
    };
    return element("p", { class: "steps" }, to(shown[at - 1], "‹ previous"), to(shown[at + 1], "next ›"),
      element("a", { href: `#${row.id}` }, "link to this task"));
  }

  function visit(row) {
    toggle(row, true);
    row.scrollIntoView({ block: "start", behavior: "instant" });
    row.querySelector("button").focus({ preventScroll: true });
  }

  // "#task-ID" opens a task, whatever the filters hide.
  function follow() {
    const row = rows.find(each => `#${each.id}` === decodeURIComponent(location.hash));
    if (!row) return;
    if (row.hidden) clear();
    visit(row);
  }

  const isOpen = row => row.querySelector("button").getAttribute("aria-expanded") === "true";

  // ---- sort, filter, search ----------------------------------------------------------------------------------
  function keyOf(row, column) {
    return row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
  }

  function compare(one, other, numeric) {
    if (one === other) return 0;
    if (one === "" || other === "") return one === "" ? Infinity : -Infinity; // undefined stands last either way
    return numeric ? Number(one) - Number(other) : one < other ? -1 : 1;
  }

  function sortBy(column) {
    const head = table.tHead.rows[0].cells[column];
    const numeric = head.dataset.kind === "number";
    const first = numeric ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first
      ? (first === "ascending" ? "descending" : "ascending") : first;
    for (const cell of table.tHead.rows[0].cells) if (cell.hasAttribute("aria-sort")) cell.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const opened = new Set(rows.filter(isOpen));
    opened.forEach(row => toggle(row, false));
    rows.sort((a, b) => {
      const by = compare(keyOf(a, column), keyOf(b, column), numeric);
      return Math.abs(by) === Infinity ? Math.sign(by) : sign * by || compare(keyOf(a, 0), keyOf(b, 0), false);
    });
    body.append(...rows);
    opened.forEach(row => toggle(row, true));
  }

  const search = document.getElementById("search");
  const filters = [...document.querySelectorAll(".controls select")];
  const count = document.getElementById("count");

  function filter() {
    const words = search.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = row.dataset.words.includes(words)
        && filters.every(each => !each.value || ` ${row.dataset[each.dataset.of]} `.includes(` ${each.value} `));
      if (!fits) toggle(row, false);
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${rows.length} tasks shown`;
    // The tasks before and after an open one may be others now.
    rows.filter(isOpen).forEach(row => row.nextElementSibling.querySelector(".steps").replaceWith(steps(row)));
    for (const tile of document.querySelectorAll(".mosaic .tile")) {
      tile.classList.toggle("dim", document.getElementById(tile.hash.slice(1))?.hidden ?? true);
    }
    for (const key of document.querySelectorAll(".key")) key.setAttribute("aria-pressed", String(isChosen(key)));
  }

  function clear() {
    search.value = "";
    filters.forEach(each => { each.value = ""; });
    filter();
  }

  // ---- the first screen: names of outcomes that filter, examples -----------------------------------------------------------
  const filterOf = chosen => filters.find(each => each.dataset.of === chosen.dataset.choose);
  const isChosen = chosen => filterOf(chosen).value === chosen.dataset.value;

  document.addEventListener("click", event => {
    const chosen = event.target.closest("[data-choose]");
    if (!chosen) return;
    const before = isChosen(chosen);
    clear();
    filterOf(chosen).value = before ? "" : chosen.dataset.value;
    filter();
    if (!before) document.getElementById("tasks").scrollIntoView();
  });

  // ---- the mosaic: one stop of the tab key, arrows from square to square ------------------------------------------
  for (const mosaic of document.querySelectorAll(".mosaic")) {
    const tiles = [...mosaic.children];
    tiles.forEach((tile, place) => {
      tile.tabIndex = place ? -1 : 0;
      tile.title = tile.getAttribute("aria-label");
    });
    mosaic.addEventListener("keydown", event => {
      const at = tiles.indexOf(document.activeElement);
      const across = tiles.findIndex(tile => tile.offsetTop > tiles[0].offsetTop);
      const row = across < 0 ? tiles.length : across;
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + row, ArrowUp: at - row, Home: 0,
        End: tiles.length - 1 }[event.key];
      if (at < 0 || !tiles[to]) return;
      event.preventDefault();
      tiles[at].tabIndex = -1;
      tiles[to].tabIndex = 0;
      tiles[to].focus();
    });
    // A square that was the last to be followed opens its task again.
    mosaic.addEventListener("click", event => {
      if (event.target.hash && event.target.hash === location.hash) follow();
    });
  }

  for (const card of document.querySelectorAll(".card")) {
    const { input, target, attempt } = card.dataset;
    const grids = [[input, "input"], [target, "target"], [attempt, "attempt", target]].filter(([packed]) => packed);
    card.prepend(element("span", { class: "grids" }, ...grids.map(([packed, name, other]) => element("span", {},
      drawGrid(packed, name, other, CARD, LARGEST_CELL), element("span", { class: "small" }, name)))));
  }

  // ---- thumbnails: the target and the first attempt, drawn once they come into sight ---------------------------
  function thumbnail(packed) {
    const grid = parse(packed);
    const canvas = element("canvas", { width: grid[0].length, height: grid.length, "aria-hidden": "true" });
    const pen = canvas.getContext("2d");
    grid.forEach((row, y) => [...row].forEach((cell, x) => {
      pen.fillStyle = PALETTE[cell];
      pen.fillRect(x, y, 1, 1);
    }));
    return canvas;
  }

  const sight = new IntersectionObserver(seen => seen.filter(each => each.isIntersecting).forEach(({ target: row }) => {
    sight.unobserve(row);
    const test = data.tasks[row.dataset.task]?.tests[0];
    if (!test) return;
    const attempt = test.attempts[data.lead]?.[0]?.[0];
    const grids = [test.target ?? test.input, attempt].filter(Boolean);
    row.cells[0].append(element("span", { class: "thumbs" }, ...grids.map(thumbnail)));
  }), { rootMargin: "200px" });
  rows.forEach(row => sight.observe(row));

  table.tHead.addEventListener("click", event => {
    const head = event.target.closest("th");
    if (head && event.target.closest("button")) sortBy(head.cellIndex);
  });
  body.addEventListener("click", event => {
    const button = event.target.closest("button[aria-expanded]");
    if (button) toggle(button.closest("tr"), button.getAttribute("aria-expanded") !== "true");
  });
  search.addEventListener("input", filter);
  filters.forEach(each => each.addEventListener("change", filter));
  digits.addEventListener("change", () => rows.filter(isOpen).forEach(row => { toggle(row, false); toggle(row, true); }));
  document.getElementById("clear").addEventListener("click", () => {
    clear();
    search.focus();
  });
  addEventListener("hashchange", follow);
  filter();
  follow();
})();
