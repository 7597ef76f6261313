// The buyer's page works without any of this. The script copies, and keeps a
// form from being sent twice; looking again is htmx's.
"use strict";

(() => {
  const said = document.getElementById("said");

  document.addEventListener("click", async (e) => {
    const button = e.target instanceof Element ? e.target.closest("[data-copy]") : null;
    if (!button) return;
    let copied = true;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      copied = false;
    }
    said.textContent = "";
    requestAnimationFrame(() => { said.textContent = copied ? said.dataset.copied : said.dataset.failed; });
    if (!copied) {
      const text = button.previousElementSibling; // ready for the reader's own keys
      if (text) getSelection().selectAllChildren(text);
      return;
    }
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1400);
  });

  document.addEventListener("submit", (e) => {
    const form = e.target;
    if (form.dataset.sent) return e.preventDefault();
    form.dataset.sent = "1";
    for (const button of form.elements) button.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", (e) => {
    if (e.persisted) location.reload(); // what was shown must not come back from the browser's memory
  });

  // Nobody looks at a hidden page.
  document.addEventListener("htmx:beforeRequest", (e) => {
    if (document.hidden) e.preventDefault();
  });
})();
