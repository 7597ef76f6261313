// Rows: click anywhere to open, tick with shift for a range, and the bar that
// says how many are ticked.
(() => {
  const { one, all, on } = koodesk;
  const controls = "a, button, input, label, summary, details, time[data-tip], [data-copy]";

  function open(row, e) {
    const link = one("a.row-link", row);
    if (!link) return;
    if (e && (e.metaKey || e.ctrlKey || e.button === 1)) window.open(link.href, "_blank", "noopener");
    else link.click();
  }
  on("click", "[data-href]", (e, row) => {
    if (e.target.closest(controls) || String(getSelection())) return;
    open(row, e);
  });
  on("auxclick", "[data-href]", (e, row) => {
    if (e.button === 1 && !e.target.closest(controls)) open(row, e);
  });

  let last = null; // the tick that a range starts from
  const ticks = () => all("input[data-tick]");

  function count() {
    const boxes = ticks();
    const ticked = boxes.filter((b) => b.checked);
    for (const b of boxes) b.closest("tr").classList.toggle("ticked", b.checked);
    for (const el of all("[data-selected]")) el.textContent = String(ticked.length);
    const bar = one("[data-bulk]");
    if (bar) bar.hidden = ticked.length === 0;
    const head = one("[data-tick-all]");
    if (head) {
      head.disabled = boxes.length === 0;
      head.checked = ticked.length > 0 && ticked.length === boxes.length;
      head.indeterminate = ticked.length > 0 && ticked.length < boxes.length;
    }
  }

  function tick(box, checked, range) {
    const boxes = ticks();
    const from = boxes.indexOf(last);
    if (range && from >= 0) {
      const to = boxes.indexOf(box);
      for (const b of boxes.slice(Math.min(from, to), Math.max(from, to) + 1)) b.checked = checked;
    }
    box.checked = checked;
    last = box;
    count();
  }
  on("click", "input[data-tick]", (e, box) => tick(box, box.checked, e.shiftKey));
  on("change", "[data-tick-all]", (e, head) => {
    for (const b of ticks()) b.checked = head.checked;
    count();
  });
  on("click", "[data-untick]", () => {
    for (const b of ticks()) b.checked = false;
    count();
  });

  // Where the keys j and k are.
  function move(step) {
    const rows = all("[data-list] tr[data-href], [data-list] tr:has(.c-what):not(.day)").filter((r) => r.closest("tbody"));
    if (!rows.length) return;
    const here = rows.findIndex((r) => r.classList.contains("now"));
    const next = rows[here < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, here + step))];
    if (here >= 0) rows[here].classList.remove("now");
    next.classList.add("now");
    const link = one("a.row-link", next);
    if (link) link.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
  const current = () => one("tr.now") || (document.activeElement && document.activeElement.closest("[data-list] tbody tr"));

  function tickCurrent(range) {
    const row = current();
    const box = row && one("input[data-tick]", row);
    if (box) tick(box, range ? true : !box.checked, range);
  }

  addEventListener("pageshow", count);
  document.addEventListener("htmx:afterSettle", () => {
    last = null;
    count();
  });
  count();
  Object.assign(koodesk, { moveRow: move, tickRow: tickCurrent, openRow: () => { const row = current(); if (row) open(row); } });
})();
