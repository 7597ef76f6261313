// What htmx is told: the CSRF token, tidy addresses, when not to refresh, and
// what to show when an answer does not come.
(() => {
  const { one, on, text, icon, toast } = koodesk;

  document.addEventListener("htmx:configRequest", (e) => {
    const token = one("meta[name=csrf-token]");
    if (token) e.detail.headers["X-CSRF-Token"] = token.content;
    if (!e.detail.elt.matches("[data-tidy]")) return;
    // Empty fields are no filters: they stay out of the address.
    const fields = e.detail.formData;
    for (const name of [...fields.keys()]) if (fields.getAll(name).every((v) => v === "")) fields.delete(name);
    if (fields.get("range") !== "custom") {
      fields.delete("since");
      fields.delete("until");
    }
  });

  // A page that looks again by itself must not take anything out of the hands of
  // whoever is reading: an open dialog, a form, a fold, a selection.
  let handled = false;
  on("click", "#live summary", () => { handled = true; });
  on("input", "#live", () => { handled = true; });
  document.addEventListener("htmx:beforeRequest", (e) => {
    if (e.detail.elt.id !== "live") return;
    const busy = handled || document.hidden || one("dialog[open]") || String(getSelection()) || koodesk.isDirty();
    if (busy) e.preventDefault();
  });

  // The part beside it that scrolls by itself stays where it was.
  let scrolled = 0;
  document.addEventListener("htmx:beforeSwap", (e) => {
    if (e.detail.target.id === "live") scrolled = one(".split-side")?.scrollTop || 0;
  });
  document.addEventListener("htmx:afterSwap", (e) => {
    const side = one("#live .split-side");
    if (side && e.detail.target.id === "live") side.scrollTop = scrolled;
  });

  // An answer that says what went wrong is shown although its status is an error:
  // a toast that goes elsewhere, or the list with its own error state.
  document.addEventListener("htmx:beforeSwap", (e) => {
    const { xhr } = e.detail;
    if (xhr.status < 400) return;
    if (xhr.getResponseHeader("HX-Retarget") || xhr.responseText.includes('id="results"')) {
      e.detail.shouldSwap = true;
      e.detail.isError = false;
    }
  });

  function failed(e, message) {
    const target = e.detail.target;
    if (!target || target.id !== "results") {
      if (!target || target.id !== "live") toast(message, "bad");
      return;
    }
    const sheet = one(".sheet", target) || target;
    const box = document.createElement("div");
    box.className = "blank bad";
    box.setAttribute("role", "alert");
    const title = document.createElement("h2");
    title.textContent = text("script.load_error");
    const why = document.createElement("p");
    why.textContent = message;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "btn";
    again.append(icon("restart"), text("script.retry"));
    const { path } = e.detail.pathInfo || {};
    again.addEventListener("click", () => htmx.ajax("GET", (e.detail.pathInfo && e.detail.pathInfo.finalRequestPath) || path || location.href, { target: "#results", swap: "outerHTML" }));
    box.append(icon("alert"), title, why, again);
    sheet.replaceChildren(box);
  }
  document.addEventListener("htmx:responseError", (e) => {
    const status = e.detail.xhr.status;
    failed(e, text(status === 401 || status === 403 ? "script.load_forbidden" : "script.load_error_do"));
  });
  for (const event of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(event, (e) => failed(e, text("script.load_error_do")));
  }
})();
