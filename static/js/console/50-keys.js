// Keyboard shortcuts. The sheet behind "?" lists them all.
(() => {
  const { one, all, openDialog } = koodesk;
  let leader = 0; // when g was pressed, in milliseconds

  const typing = (el) => el instanceof Element && el.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  const follow = (selector) => {
    const link = one(selector);
    if (link) link.click();
    return Boolean(link);
  };

  const keys = {
    "/": () => { const s = one("[data-key=search]"); if (s) { s.focus(); s.select(); } return Boolean(s); },
    "?": () => { openDialog("shortcuts"); return true; },
    "t": () => { koodesk.flipTheme(); return true; },
    "j": () => { koodesk.moveRow(1); return true; },
    "k": () => { koodesk.moveRow(-1); return true; },
    "x": () => { koodesk.tickRow(false); return true; },
    "X": () => { koodesk.tickRow(true); return true; },
    "[": () => follow("a[rel=prev]"),
    "]": () => follow("a[rel=next]"),
    "u": () => follow("[data-key=up]"),
    "r": () => follow("button[data-key=restart]:not([aria-disabled=true])"),
    "Enter": () => {
      if (document.activeElement && document.activeElement.closest("a, button, summary, input")) return false;
      koodesk.openRow();
      return true;
    },
  };

  document.addEventListener("keydown", (e) => {
    if (e.isComposing || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "Escape") {
      const menu = one("details[data-menu][open]");
      if (menu) {
        menu.open = false;
        one("summary", menu).focus();
      } else if (typing(e.target)) e.target.blur();
      return;
    }
    if (typing(e.target) || one("dialog[open]")) return;
    if (Date.now() - leader < 1500) {
      leader = 0;
      const link = all("[data-go]").find((a) => a.dataset.go === e.key);
      if (link) {
        e.preventDefault();
        link.click();
        return;
      }
    }
    if (e.key === "g") {
      leader = Date.now();
      return;
    }
    const act = keys[e.key];
    if (act && act()) e.preventDefault();
  });
})();
