"use strict";
// Tasks of the page: sort, filter, search, and draw a task's grids when it is opened.
(() => {
  const PALETTE = ["#000000", "#0074D9", "#FF4136", "#2ECC40", "#FFDC00", "#AAAAAA", "#F012BE", "#FF851B", "#7FDBFF",
    "#870C25"];
  const DIGITS = ["#8A8A8A", "#FFFFFF", "#FFFFFF", "#000000", "#000000", "#000000", "#FFFFFF", "#000000", "#000000",
    "#FFFFFF"];
  // Pixels that the longest side of a grid is fitted into; two grids and an arrow fit side by side on a phone.
  const ROOM = matchMedia("(max-width: 40rem)").matches ? 132 : 168;
  const SVG = "http://www.w3.org/2000/svg";
  const data = JSON.parse(document.getElementById("data").textContent);
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
  function drawGrid(packed, name, targetPacked) {
    const grid = parse(packed), target = targetPacked ? parse(targetPacked) : null;
    const rows = grid.length, cols = grid[0].length;
    const tall = Math.max(rows, target ? target.length : 0), wide = Math.max(cols, target ? target[0].length : 0);
    const written = digits.checked;
    const cell = Math.max(written ? 13 : 4, Math.min(20, Math.floor(ROOM / Math.max(tall, wide))));
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
    svg.append(element("path", { d: lines, stroke: "#555", "stroke-width": .06, fill: "none" }));
    if (written) {
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
    return element("figure", {}, drawGrid(packed, name, target), words);
  }

  // ---- one task ----------------------------------------------------------------------------------------------
  function verdict(kind) {
    return element("span", { class: kind === "solved" ? "exact" : "failed" },
      kind === "solved" ? "exact" : data.kinds[kind]);
  }

  function drawTask(task) {
    const box = element("div", { class: "task" });
    if (task.train.length) {
      box.append(element("h4", {}, "Demonstrations"));
      const pairs = task.train.map(([from, to]) => element("div", { class: "pair" },
        gridFigure(from, "input"), element("span", { "aria-hidden": "true" }, "→"), gridFigure(to, "output")));
      box.append(element("div", { class: "grids" }, ...pairs));
    }
    for (const test of task.tests) {
      const name = task.outputs > 1 ? `Test output ${test.index + 1} of ${task.outputs}` : "Test";
      box.append(element("h4", {}, name), element("div", { class: "grids" },
        gridFigure(test.input, "input"),
        test.target ? gridFigure(test.target, "target") : element("p", {}, "The target is withheld.")));
      data.sets.forEach((set, place) => {
        const attempts = test.attempts[place];
        box.append(element("h4", {}, set));
        if (!attempts) return box.append(element("p", {}, "no attempt"));
        box.append(element("div", { class: "grids" }, ...attempts.map(([packed, kind, program], n) => {
          const figure = gridFigure(packed, `attempt ${n + 1}`, test.target, kind ? verdict(kind) : "not scored");
          if (program) figure.querySelector("figcaption").append(element("br", {}), element("code", {}, program));
          return figure;
        })));
      });
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
    inside.append(task ? drawTask(task) : "No pictures of this task are in this page.");
    row.after(element("tr", { class: "open", id: `open-${row.dataset.task}` }, inside));
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
  }

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
    search.value = "";
    filters.forEach(each => { each.value = ""; });
    filter();
    search.focus();
  });
  filter();
})();
