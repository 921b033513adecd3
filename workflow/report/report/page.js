// Sorts and filters the rows of the page's tables. Without it every table is there all the same.
"use strict";

// A table with fewer rows is seen at once and gets no filter.
const WORTH_FILTERING = 8;
// A column of words with at most so many different ones gets a list to choose from.
const LONGEST_LIST = 12;

function textOf(row, column) {
  return row.cells[column].textContent.trim();
}

// The number that a cell begins with, NaN if it begins with none.
function numberOf(text) {
  return parseFloat(text.replace("−", "-").replace(/^[^\d.-]+/, ""));
}

function comparison(rows, column) {
  const filled = rows.map((row) => textOf(row, column)).filter((text) => text !== "" && text !== "—");
  if (filled.every((text) => /^[−-]?[\d.]/.test(text))) {
    return (a, b) => numberOf(a) - numberOf(b);
  }
  return (a, b) => a.localeCompare(b, "en", { numeric: true });
}

// The button of a column's head: first click ascending, second descending. Empty cells stay last.
function makeSortable(table, rows) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const compare = comparison(rows, column);
      const empty = (text) => Number(text === "" || text === "—");
      const sorted = [...rows].sort((first, second) => {
        const a = textOf(first, column), b = textOf(second, column);
        return empty(a) - empty(b) || (down ? compare(b, a) : compare(a, b));
      });
      table.tBodies[0].append(...sorted);
    });
  });
}

function labelled(name, control) {
  const label = document.createElement("label");
  label.append(`${name} `, control);
  return label;
}

function lists(table, rows) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  return heads.flatMap((head, column) => {
    const values = [...new Set(rows.map((row) => textOf(row, column)))];
    const words = head.classList.contains("text") && !head.classList.contains("long");
    if (!words || values.length < 2 || values.length > LONGEST_LIST) return [];
    const list = document.createElement("select");
    list.dataset.column = column;
    list.name = head.textContent.trim();
    list.add(new Option("all", ""));
    values.sort().forEach((value) => list.add(new Option(value || "(empty)", `=${value}`)));
    return [list];
  });
}

// A row is shown if it holds every word of the filter and the chosen value of every list.
function makeFilterable(box, table, rows) {
  const words = document.createElement("input");
  words.type = "search";
  const chosen = lists(table, rows);
  const count = document.createElement("output");
  const bar = document.createElement("div");
  bar.className = "filter";
  bar.setAttribute("role", "search");
  bar.append(labelled("Filter rows", words), ...chosen.map((list) => labelled(list.name, list)), count);
  const update = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(wanted.every((word) => text.includes(word))
        && chosen.every((list) => !list.value || textOf(row, list.dataset.column) === list.value.slice(1)));
      shown += !row.hidden;
    }
    count.value = shown === rows.length ? `${rows.length} rows` : `${shown} of ${rows.length} rows`;
  };
  bar.addEventListener("input", update);
  update();
  box.before(bar);
  return { bar, update };
}

for (const box of document.querySelectorAll("[data-table]")) {
  const table = box.querySelector("table");
  const rows = [...table.tBodies[0].rows];
  makeSortable(table, rows);
  if (rows.length >= WORTH_FILTERING) makeFilterable(box, table, rows);
}

// A link to a table may choose what it shows: data-choose="column=value".
for (const link of document.querySelectorAll("a[data-choose]")) {
  link.addEventListener("click", () => {
    const [column, value] = link.dataset.choose.split("=");
    const list = document.querySelector(`${link.getAttribute("href")} select[name="${column}"]`);
    if (!list) return;
    list.value = `=${value}`;
    list.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
