"use strict";
(() => {
  const copy = async (button, source) => {
    const text = source.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      document.execCommand("copy");
    }
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  };
  const addCopy = (source, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "copy";
    button.setAttribute("aria-label", "copy " + source.textContent.slice(0, 60));
    button.addEventListener("click", () => copy(button, source));
    place.after(button);
  };
  for (const block of document.querySelectorAll("pre.copy")) addCopy(block.firstElementChild, block);

  const table = document.getElementById("open");
  if (!table) return;
  const PAGE = 25;
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const find = document.getElementById("find");
  const status = document.getElementById("status");
  const code = document.getElementById("code");
  const back = document.getElementById("back");
  const on = document.getElementById("on");
  const text = (cell) => cell.textContent.trim();
  const shown = (cell) => cell.firstElementChild ? text(cell.firstElementChild) : "";
  const rows = [...body.rows].map((row) => ({
    row,
    search: [...row.cells].map(text).join(" ").toLowerCase(),
    status: shown(row.cells[2]),
    code: row.cells[3].querySelector("code") ? shown(row.cells[3]) : "",
    keys: [...row.cells].map((cell, place) => {
      if (place === 0 || place === 4) return Number(text(cell));
      return text(cell).toLowerCase();
    }),
  }));
  let order = rows;
  let first = 0;
  let sorted = { place: 0, up: true };

  const draw = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = order.filter((item) =>
      (!status.value || item.status === status.value) &&
      (!code.value || item.code === code.value) &&
      words.every((word) => item.search.includes(word)));
    first = Math.max(0, Math.min(first, Math.floor(Math.max(0, found.length - 1) / PAGE) * PAGE));
    const part = found.slice(first, first + PAGE);
    for (const { row } of part) {
      const id = row.cells[6].querySelector(".id");
      if (id && !id.nextElementSibling) addCopy(id, id);
    }
    body.replaceChildren(...part.map((item) => item.row));
    const count = found.length.toLocaleString("en");
    document.getElementById("found").textContent = count + (found.length === 1 ? " row" : " rows");
    document.getElementById("part").textContent =
      part.length ? (first + 1) + " to " + (first + part.length) + " of " + count : "no row is like that";
    back.disabled = first === 0;
    on.disabled = first + PAGE >= found.length;
    document.querySelector(".pages").hidden = rows.length <= PAGE && part.length > 0;
  };
  const sort = (place) => {
    sorted = { place, up: sorted.place === place ? !sorted.up : true };
    const sign = sorted.up ? 1 : -1;
    order = [...rows].sort((a, b) => {
      const [x, y] = [a.keys[place], b.keys[place]];
      return (x < y ? -sign : x > y ? sign : 0) || a.keys[0] - b.keys[0];
    });
    heads.forEach((head, at) => {
      if (at === place) head.setAttribute("aria-sort", sorted.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    first = 0;
    draw();
  };
  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.dataset.name = head.textContent;
    button.addEventListener("click", () => sort(place));
    head.replaceChildren(button);
  });
  heads[0].setAttribute("aria-sort", "ascending");
  const again = () => { first = 0; draw(); };
  find.addEventListener("input", again);
  status.addEventListener("change", again);
  code.addEventListener("change", again);
  back.addEventListener("click", () => { first -= PAGE; draw(); });
  on.addEventListener("click", () => { first += PAGE; draw(); });
  const form = document.querySelector(".filter");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  draw();
})();
