// Keeps relative times fresh, and shows the exact time on hover or focus.
(() => {
  const { all, on, text } = koodesk;
  const units = [["second", 1], ["minute", 60], ["hour", 3600], ["day", 86400], ["month", 2592000], ["year", 31536000]];
  const limits = [60, 3600, 86400, 60 * 86400, 2 * 31536000, Infinity];

  function relative(then) {
    const seconds = Math.floor((Date.now() - then) / 1000);
    const group = seconds < 0 ? "time.in" : "time.ago";
    const away = Math.abs(seconds);
    if (away < 10) return text(`${group}.now`);
    const i = limits.findIndex((limit) => away < limit);
    const [unit, length] = units[i];
    return text(`${group}.${unit}`, { n: Math.floor(away / length) });
  }

  function refresh() {
    if (document.hidden) return;
    for (const el of all("time[data-ago]")) {
      const s = relative(Date.parse(el.dateTime));
      if (el.textContent !== s) el.textContent = s;
    }
  }
  setInterval(refresh, 15000);
  document.addEventListener("visibilitychange", refresh);

  let tip = null;
  function hide() {
    if (tip) tip.remove();
    tip = null;
  }
  function show(el) {
    hide();
    tip = document.createElement("div");
    tip.className = "tip";
    tip.setAttribute("role", "tooltip");
    tip.textContent = el.dataset.tip;
    // Inside an open dialog, or it would lie below.
    (el.closest("dialog[open]") || document.body).append(tip);
    const box = el.getBoundingClientRect();
    const above = box.top > tip.offsetHeight + 12;
    tip.style.top = `${above ? box.top - tip.offsetHeight - 6 : box.bottom + 6}px`;
    tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8))}px`;
  }
  on("mouseover", "[data-tip]", (e, el) => show(el));
  on("mouseout", "[data-tip]", hide);
  on("focusin", "[data-tip]", (e, el) => show(el));
  on("focusout", "[data-tip]", hide);
  // On a phone there is no hovering: a tap shows the exact time for a while.
  on("click", "time[data-tip]", (e, el) => {
    if (!matchMedia("(hover: none)").matches) return;
    e.preventDefault();
    e.stopPropagation();
    show(el);
    setTimeout(hide, 3500);
  }, true);
  addEventListener("scroll", hide, { passive: true, capture: true });
})();
