// Copy buttons, password peeping, menus, dialogs, the theme.
(() => {
  const { one, all, on, text, toast } = koodesk;

  on("click", "[data-copy]", async (e, button) => {
    e.preventDefault();
    e.stopPropagation();
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.classList.add("done");
      setTimeout(() => button.classList.remove("done"), 1400);
      toast(text("script.copied"), "ok");
    } catch {
      toast(text("script.copy_failed"), "bad");
    }
  });

  on("click", "[data-peek]", (e, button) => {
    const input = document.getElementById(button.dataset.peek);
    const seen = input.type === "password";
    input.type = seen ? "text" : "password";
    button.setAttribute("aria-pressed", String(seen));
    input.focus();
  });

  // Menus are <details>: one open at a time, closed by a click elsewhere.
  document.addEventListener("click", (e) => {
    for (const menu of all("details[data-menu][open]")) if (!menu.contains(e.target)) menu.open = false;
  });

  function openDialog(id, button) {
    const dialog = document.getElementById(id);
    if (!dialog || dialog.open) return;
    const form = one("form[action]", dialog);
    if (button && button.dataset.action && form) form.action = button.dataset.action;
    const name = one("[data-dialog-name]", dialog);
    if (name && button) name.textContent = button.dataset.name || "";
    const says = one("[data-dialog-says]", dialog); // what the act does to this one stands beside its button
    if (says && button) says.replaceChildren(button.nextElementSibling.content.cloneNode(true));
    dialog.showModal();
    const first = one("input:not([type=hidden])", dialog);
    if (first) first.focus();
  }
  on("click", "[data-dialog]", (e, button) => {
    e.preventDefault();
    openDialog(button.dataset.dialog, button);
  });
  on("click", "[data-close]", (e, button) => button.closest("dialog").close());
  on("click", "dialog", (e, dialog) => {
    if (e.target !== dialog) return; // the veil belongs to the dialog itself
    const box = dialog.getBoundingClientRect();
    const inside = e.clientX >= box.left && e.clientX <= box.right && e.clientY >= box.top && e.clientY <= box.bottom;
    if (!inside) dialog.close();
  });

  // A form is sent once, whatever the fingers do.
  document.addEventListener("submit", (e) => {
    const form = e.target;
    if (form.method !== "post" || e.defaultPrevented) return;
    if (form.dataset.sent) return e.preventDefault();
    form.dataset.sent = "1";
    for (const button of form.elements) if (button.type === "submit") button.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    for (const form of all("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.elements) button.removeAttribute("aria-busy");
    }
  });

  // The theme changes at once; the server is told in the background.
  const media = { auto: "(prefers-color-scheme: dark)", dark: "all", light: "not all" };
  const dark = () => matchMedia(document.getElementById("dark").media).matches;
  async function theme(choice) {
    const form = one("[data-theme-form]");
    if (!form) return;
    document.getElementById("dark").media = media[choice];
    document.documentElement.dataset.theme = choice;
    for (const b of all("button[name=theme]", form)) b.setAttribute("aria-pressed", String(b.value === choice));
    const body = new URLSearchParams(new FormData(form));
    body.set("theme", choice);
    try {
      await fetch(form.action, { method: "POST", body, redirect: "manual" });
    } catch {
      toast(text("script.load_error"), "bad");
    }
  }
  on("click", "[data-theme-form] button[name=theme]", (e, button) => {
    e.preventDefault();
    theme(button.value);
    button.closest("details").open = false;
  });

  // Leaving a form with unsaved input asks first.
  let dirty = false;
  on("input", "form[data-guard]", () => { dirty = true; });
  on("submit", "form[data-guard]", () => { dirty = false; });
  addEventListener("beforeunload", (e) => { if (dirty) e.preventDefault(); });

  Object.assign(koodesk, { openDialog, flipTheme: () => theme(dark() ? "light" : "dark"), isDirty: () => dirty });
})();
