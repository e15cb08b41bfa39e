"use strict";
// Draws the matrix from the data block. Everything from policies and keys is set as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const [filter, dangerous, scroll, head, body, panel] =
    ["filter", "dangerous", "scroll", "head", "body", "panel"].map(byId);
  const ROW = 28; // pixels; the style sheet says the same
  const AHEAD = 20; // rows that are drawn above and below what is in view
  const PRINTED_MAX = 600; // rows on paper
  const ANSWERS = [["yes", "●"], ["depends", "◐"], ["no", "·"]];

  // An element with a class and a text.
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // ---- rows and columns ------------------------------------------------------------------------

  const rows = [];
  for (const key of data.keys) {
    const zones = new Set(key.rows.map((row) => row.zone));
    for (const row of key.rows) rows.push({ key, row, zones, first: row === key.rows[0] });
  }
  const columns = data.columns.map((column, at) => ({ ...column, at }));
  const cellOf = (entry, column) => {
    const number = entry.row.cells[column.at];
    return number < 0 ? null : data.cells[number];
  };

  const fold = (text) => text.toLowerCase();
  const rowText = (entry) => fold([entry.key.id, entry.key.description, entry.key.owner, entry.row.zone,
    entry.key.state, ...entry.key.roles].join("\n"));
  for (const entry of rows) entry.text = rowText(entry);

  // Whether a row is about a zone: named by it, or about all others where it has no row of its own.
  const isAbout = (entry, zone) => entry.row.kind === "zone" && fold(entry.row.zone).includes(zone)
    || entry.row.kind === "other" && ![...entry.zones].some((one) => fold(one) === zone);
  const isType = (column, type) => column.types.some((one) => fold(one) === type) || column.group && fold(column.group) === type;
  const isAction = (column, action) => column.action.split(".").includes(action)
    || action.includes(".") && column.action.startsWith(action);

  // What the filter's words ask of rows and of columns.
  const understand = (text) => {
    const asks = { rows: [], columns: [] };
    for (const word of fold(text).split(/\s+/).filter(Boolean)) {
      const [, kind, rest] = /^(key|zone|role|action|type):(.*)$/.exec(word) || [null, "", word];
      if (kind && !rest) continue;
      const tests = {
        key: [asks.rows, (entry) => fold(entry.key.id).includes(rest)],
        role: [asks.rows, (entry) => entry.key.roles.some((role) => fold(role).includes(rest))],
        zone: [asks.rows, (entry) => isAbout(entry, rest)],
        action: [asks.columns, (column) => isAction(column, rest) || column.action.startsWith(rest)],
        type: [asks.columns, (column) => isType(column, rest)],
      };
      if (kind) {
        const [list, test] = tests[kind];
        list.push(test);
      } else if (columns.some((column) => isType(column, rest) || isAction(column, rest))) {
        asks.columns.push((column) => isType(column, rest) || isAction(column, rest));
      } else {
        asks.rows.push((entry) => entry.text.includes(rest));
      }
    }
    return asks;
  };

  let shownRows = rows;
  let shownColumns = columns;

  const choose = () => {
    const asks = understand(filter.value);
    const only = dangerous.checked;
    shownColumns = columns.filter((column) => (!only || column.dangerous) && asks.columns.every((test) => test(column)));
    const narrowed = only || asks.columns.length > 0;
    // Where columns were asked for, rows that say nothing in them are left out.
    const says = (entry) => shownColumns.some((column) => {
      const cell = cellOf(entry, column);
      return cell !== null && cell.answer < 2;
    });
    shownRows = rows.filter((entry) => asks.rows.every((test) => test(entry)) && (!narrowed || says(entry)));
    const keys = new Set(shownRows.map((entry) => entry.key)).size;
    byId("count").textContent = `${keys} of ${data.keys.length} keys, ${shownRows.length} rows`;
    byId("empty").hidden = shownRows.length > 0 && shownColumns.length > 0;
    at = { row: 0, column: 0 };
    drawHead();
    scroll.scrollTop = 0;
    draw(true);
  };

  // ---- drawing ---------------------------------------------------------------------------------

  let at = { row: 0, column: 0 }; // the cell that the tab key reaches
  let open = null; // the cell whose details are open
  let drawn = [0, 0];

  const isFirst = (number) => number === 0 || shownColumns[number - 1].area !== shownColumns[number].area;

  const drawHead = () => {
    const areas = make("tr");
    const names = make("tr");
    const corner = make("th", "corner", "key, zone");
    corner.rowSpan = 2;
    corner.scope = "col";
    areas.append(corner);
    shownColumns.forEach((column, number) => {
      if (isFirst(number)) {
        const next = shownColumns.findIndex((other, later) => later > number && other.area !== column.area);
        const area = make("th", "first", column.area);
        area.colSpan = (next < 0 ? shownColumns.length : next) - number;
        area.scope = "colgroup";
        areas.append(area);
      }
      const name = make("th", isFirst(number) ? "first" : "");
      name.scope = "col";
      name.title = column.group ? `${column.action}, types ${column.types.join(", ")}` : column.action;
      const turned = make("span", column.dangerous ? "turn danger" : "turn", column.short);
      name.append(turned);
      names.append(name);
    });
    head.replaceChildren(areas, names);
    byId("grid").setAttribute("aria-rowcount", String(shownRows.length + 2));
    byId("grid").setAttribute("aria-colcount", String(shownColumns.length + 1));
  };

  const drawRow = (entry, number) => {
    const line = make("tr", entry.first || number === 0 || shownRows[number - 1].key !== entry.key ? "start" : "");
    line.setAttribute("aria-rowindex", String(number + 3));
    const name = make("th");
    name.scope = "row";
    name.title = `${entry.key.id}: ${entry.key.description}`;
    name.append(make("span", "key", entry.key.id), " ",
      make("span", entry.row.kind === "zone" ? "zone" : "whole", entry.row.zone));
    if (entry.key.note && line.className) {
      const off = entry.key.state === "expired" || entry.key.state === "disabled";
      name.append(make("span", off ? "badge off" : "badge", entry.key.state === "valid" ? entry.key.note : entry.key.state));
    }
    if (entry.row.kind === "account") name.append(make("span", "words", entry.key.description));
    line.append(name);
    shownColumns.forEach((column, place) => {
      const cell = cellOf(entry, column);
      const box = make("td", isFirst(place) ? "first" : "");
      if (cell !== null) {
        const [word, mark] = ANSWERS[cell.answer];
        box.classList.add(word);
        box.textContent = mark;
        box.setAttribute("aria-label", `${entry.key.id}, ${entry.row.zone}, ${column.name}: ${word}`);
      }
      box.tabIndex = number === at.row && place === at.column ? 0 : -1;
      box.dataset.row = String(number);
      box.dataset.column = String(place);
      if (open && open.entry === entry && open.column === column) box.classList.add("open");
      line.append(box);
    });
    return line;
  };

  const space = (count) => {
    const line = make("tr", "space");
    line.setAttribute("aria-hidden", "true");
    line.style.height = `${count * ROW}px`;
    return line;
  };

  // Draws the rows in view, or all of them up to a limit.
  const draw = (anew, all) => {
    const top = Math.floor(scroll.scrollTop / ROW);
    const count = Math.ceil(scroll.clientHeight / ROW);
    const from = all ? 0 : Math.max(0, top - AHEAD);
    const to = Math.min(shownRows.length, all ? all : top + count + AHEAD);
    if (!anew && from === drawn[0] && to === drawn[1]) return;
    const focused = document.activeElement && document.activeElement.tagName === "TD";
    drawn = [from, to];
    const lines = [];
    for (let number = from; number < to; number += 1) lines.push(drawRow(shownRows[number], number));
    body.replaceChildren(space(all ? 0 : from), ...lines, space(all ? 0 : shownRows.length - to));
    if (focused) focus();
  };

  const boxAt = (place) => body.querySelector(`td[data-row="${place.row}"][data-column="${place.column}"]`);

  const focus = () => {
    const box = boxAt(at);
    if (box) box.focus({ preventScroll: true });
  };

  // Moves to a cell, and brings it into view.
  const move = (row, column) => {
    at = {
      row: Math.max(0, Math.min(shownRows.length - 1, row)),
      column: Math.max(0, Math.min(shownColumns.length - 1, column)),
    };
    const header = head.getBoundingClientRect().height;
    const y = at.row * ROW;
    if (y < scroll.scrollTop) scroll.scrollTop = y;
    if (y + ROW > scroll.scrollTop + scroll.clientHeight - header) scroll.scrollTop = y + ROW + header - scroll.clientHeight;
    draw(true);
    const box = boxAt(at);
    if (!box) return;
    const left = box.offsetLeft - (body.querySelector("th") || box).offsetWidth;
    if (left < scroll.scrollLeft) scroll.scrollLeft = left;
    if (box.offsetLeft + box.offsetWidth > scroll.scrollLeft + scroll.clientWidth) {
      scroll.scrollLeft = box.offsetLeft + box.offsetWidth - scroll.clientWidth;
    }
    box.focus({ preventScroll: true });
  };

  // ---- details ---------------------------------------------------------------------------------

  const KEY = "\u0001"; // stands for the key's id in texts that keys share
  const ON = "\u0002"; // likewise for what a grant is about
  const filled = (text, key, on) => text.split(KEY).join(key.id).split(ON).join(on || "");

  const policyBox = (policy, key, on) => {
    const box = make("article", policy.forbids ? "policy forbid" : "policy");
    box.append(make("div", "name", `${policy.forbids ? "forbid" : "permit"} ${policy.id}`),
      make("div", "place", `${policy.file}:${policy.line}`));
    if (policy.doc) box.append(make("p", "", policy.doc));
    box.append(make("pre", "", filled(policy.text, key, on)));
    return box;
  };

  // The policies of an id that hold for a key: its own links, else the policy for all.
  const policiesOf = (key, id) => {
    const links = key.links.filter(([number]) => data.policies[number].id === id);
    if (links.length) return links.map(([number, on]) => policyBox(data.policies[number], key, on));
    return data.policies.filter((policy) => policy.id === id && !policy.linked).map((policy) => policyBox(policy, key));
  };

  const section = (title, ...parts) => {
    if (parts.length) panel.append(make("h3", "", title), ...parts);
  };

  const list = (texts) => {
    const all = make("ul");
    for (const text of texts) all.append(make("li", "", text));
    return all;
  };

  const show = (entry, column) => {
    const cell = cellOf(entry, column);
    if (cell === null) return;
    open = { entry, column };
    const [word] = ANSWERS[cell.answer];
    panel.replaceChildren();
    const close = make("button", "close", "×");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", shut);
    const title = make("h2", "", column.name);
    title.tabIndex = -1;
    panel.append(close, title, make("p", "sub", entry.row.kind === "account"
      ? `${entry.key.id}, on the account` : `${entry.key.id}, in ${entry.row.zone}`));
    panel.append(make("div", `answer ${word}`, { yes: "always", depends: "it depends", no: "never" }[word]));
    panel.append(make("p", "sub", `${cell.allowed} of ${cell.asked} representative questions are allowed.`));
    if (entry.key.note) panel.append(make("p", "sub", `The key: ${entry.key.note}.`));
    if (cell.when.length) section("Allowed", list(cell.when));
    const ids = (numbers) => numbers.map((number) => data.ids[number]);
    section("Allowed by", ...ids(cell.by).flatMap((id) => policiesOf(entry.key, id)));
    section(cell.answer === 2 ? "Forbidden by" : "Forbidden elsewhere by",
      ...ids(cell.against).flatMap((id) => policiesOf(entry.key, id)));
    if (cell.answer === 2 && !cell.against.length) section("Why not", make("p", "", cell.reason || "No circumstance was asked about."));
    const command = (words) => make("pre", "", `zonegate explain ${filled(words, entry.key)}`);
    if (cell.example) section("Ask again: allowed", command(cell.example));
    if (cell.counter) section("Ask again: denied", command(cell.counter));
    const key = entry.key;
    section("The key", make("p", "", key.description), list([
      `accounts: ${key.accounts.join(", ")}`,
      `roles: ${key.roles.join(", ") || "none"}`,
      `networks: ${key.networks.join(", ") || "any"}`,
      ...(key.owner ? [`owner: ${key.owner}`] : []),
      ...key.grants,
    ]));
    panel.hidden = false;
    panel.scrollTop = 0;
    draw(true);
    title.focus({ preventScroll: true });
  };

  const shut = () => {
    if (panel.hidden) return;
    panel.hidden = true;
    open = null;
    draw(true);
    focus();
  };

  // ---- events ----------------------------------------------------------------------------------

  const placeOf = (target) => {
    const box = target.closest && target.closest("td[data-row]");
    return box ? { row: Number(box.dataset.row), column: Number(box.dataset.column) } : null;
  };

  const openAt = (place) => {
    at = place;
    show(shownRows[place.row], shownColumns[place.column]);
  };

  body.addEventListener("click", (event) => {
    const place = placeOf(event.target);
    if (place) openAt(place);
  });
  body.addEventListener("keydown", (event) => {
    const place = placeOf(event.target);
    if (!place || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(scroll.clientHeight / ROW) - 5);
    const steps = {
      ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
      PageUp: [-page, 0], PageDown: [page, 0], Home: [0, -columns.length], End: [0, columns.length],
    };
    if (event.key === "Enter" || event.key === " ") openAt(place);
    else if (steps[event.key]) move(place.row + steps[event.key][0], place.column + steps[event.key][1]);
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") shut();
    if (event.key === "/" && document.activeElement !== filter) {
      filter.focus();
      event.preventDefault();
    }
  });
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("input", choose);
  dangerous.addEventListener("change", choose);
  scroll.addEventListener("scroll", () => draw(false), { passive: true });
  window.addEventListener("resize", () => draw(false));
  window.addEventListener("beforeprint", () => draw(true, PRINTED_MAX));
  window.addEventListener("afterprint", () => draw(true));

  byId("about").textContent = data.about;
  byId("foot").textContent = [...data.notes, `On paper: the first ${PRINTED_MAX} rows of what is shown.`].join(" ");
  choose();
})();
