// The console works without any of this: the server renders every state. The
// scripts add keys, dialogs, ticking and fresh times. No inline code, no eval.
"use strict";

const koodesk = (() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const texts = new Map();
  const holder = document.getElementById("texts");
  if (holder) for (const i of all("[data-key]", holder.content)) texts.set(i.dataset.key, i.textContent);

  const plural = new Intl.PluralRules(document.documentElement.lang);

  // text fills {n} and other placeholders; with a number it picks the plural form.
  function text(key, values = {}) {
    const form = "n" in values ? texts.get(`${key}.${plural.select(values.n)}`) || texts.get(`${key}.other`) : undefined;
    const s = form || texts.get(key) || key;
    return s.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  }

  // on listens on the document, so that swapped-in parts need no set-up.
  function on(event, selector, handler, options) {
    document.addEventListener(event, (e) => {
      const target = e.target instanceof Element ? e.target.closest(selector) : null;
      if (target) handler(e, target);
    }, options);
  }

  // icon draws an icon of the sprite that the page already uses.
  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    const known = one("svg.icon use");
    const sprite = known ? known.getAttribute("href").split("#")[0] : "";
    use.setAttribute("href", `${sprite}#${name}`);
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    svg.append(use);
    return svg;
  }

  const toneIcons = { ok: "succeeded", bad: "alert", info: "info" };

  function toast(message, tone = "info") {
    const box = document.getElementById("toasts");
    if (!box) return;
    const el = document.createElement("div");
    el.className = `toast ${tone}`;
    el.dataset.toast = el.dataset.fading = "";
    const p = document.createElement("p");
    p.textContent = message;
    el.append(icon(toneIcons[tone]), p);
    box.append(el);
    fade(el, 3500);
  }

  // fade takes a toast away after a while, unless somebody is reading it.
  function fade(el, ms) {
    const go = () => {
      if (el.matches(":hover, :focus-within")) return setTimeout(go, 1000);
      el.classList.add("going");
      setTimeout(() => el.remove(), 260);
    };
    setTimeout(go, ms);
  }

  function fadeAll() {
    for (const el of all("[data-toast]:not([data-fading])")) {
      el.dataset.fading = "";
      fade(el, el.classList.contains("bad") ? 12000 : 6000);
    }
  }
  fadeAll();

  // showTabs brings the tab that is chosen into sight where a phone cuts the row off:
  // the row moves, never the page.
  function showTabs() {
    for (const tab of all(".tabs [aria-current]")) {
      const row = tab.closest(".tabs");
      const [at, box] = [row.getBoundingClientRect(), tab.getBoundingClientRect()];
      row.scrollLeft += box.left + box.width / 2 - (at.left + at.width / 2);
    }
  }
  showTabs();
  document.addEventListener("htmx:afterSettle", () => {
    fadeAll();
    showTabs();
  });
  on("click", "[data-dismiss]", (e, button) => button.closest("[data-toast]").remove());
  document.documentElement.classList.add("js");

  return { one, all, on, text, icon, toast };
})();
