// Makes static/icons.svg, one sprite of just the icons that the console shows,
// from an unpacked @tabler/icons package:
//
//   npm pack @tabler/icons@3.51.0 && tar xzf tabler-icons-3.51.0.tgz
//   node scripts/icons.mjs package
//
// A test in app/web/view fails when a template names an icon that is not in the
// sprite, or the sprite holds one that nothing shows.
import { readFileSync, writeFileSync } from "node:fs";

const icons = {
  // our name: Tabler's outline icon
  "active": "circle-check", "alert": "alert-triangle", "back": "chevron-left",
  "cancelled": "circle-minus", "check": "check", "clock": "clock", "close": "x", "copy": "copy",
  "deliveries": "send", "down": "chevron-down", "edit": "pencil", "external": "external-link",
  "eye": "eye", "eye-off": "eye-off", "failed": "alert-circle",
  "frozen": "snowflake", "help": "keyboard", "info": "info-circle", "instances": "box",
  "language": "language", "lock": "lock", "logout": "logout", "mail": "mail", "menu": "dots",
  "messages": "arrows-exchange", "moon": "moon", "next": "chevron-right", "none": "search-off",
  "operator": "user", "pending": "clock-hour-4", "processing": "progress", "provision": "server-bolt",
  "order": "receipt", "rejected": "shield-x", "released": "archive", "restart": "rotate-clockwise",
  "running": "loader-2", "search": "search", "settings": "settings", "sms": "device-mobile-message",
  "succeeded": "circle-check", "sun": "sun", "system": "device-desktop", "tasks": "list-check",
  "test": "flask", "empty": "inbox", "renew": "refresh", "upgrade": "arrow-up-circle", "bell": "bell",
  "reconcile": "scale",
};

const root = process.argv[2];
if (!root) {
  console.error("usage: node scripts/icons.mjs <unpacked @tabler/icons>");
  process.exit(2);
}
const symbols = Object.keys(icons).sort().map((name) => {
  const svg = readFileSync(`${root}/icons/outline/${icons[name]}.svg`, "utf8");
  const inner = svg
    .slice(svg.indexOf(">") + 1, svg.lastIndexOf("</svg>"))
    .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none" ?\/>/, "")
    .replace(/\s*\n\s*/g, "")
    .trim();
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner}</symbol>`;
});
writeFileSync(
  new URL("../static/icons.svg", import.meta.url),
  `<svg xmlns="http://www.w3.org/2000/svg"><!-- Tabler Icons 3.51.0, MIT, made by scripts/icons.mjs -->\n${symbols.join("\n")}\n</svg>\n`,
);
console.log(`${symbols.length} icons`);
