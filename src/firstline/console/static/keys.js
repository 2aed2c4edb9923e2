// Keys of every page. A page marks what a key does: <button data-key="KeyS"> is pressed by the key at the place of S.
// Keys go by place (event.code), not by letter, so that they work in a Russian layout. `data-key="Digit1"` also takes
// the number pad. A link or button with data-key-typing works while a person types, too.
const SWITCH = "firstline-single-keys";
const find = (selector, from = document) => from.querySelector(selector);
const help = find("#help");
const ask = find("#ask");
const singleKeys = find("#single-keys");

const areKeysOn = () => {
  try {
    return localStorage.getItem(SWITCH) !== "off";
  } catch {
    return true; // A browser may forbid storage.
  }
};

function showHelp(isShown) {
  help.hidden = !isShown;
  ask.setAttribute("aria-expanded", String(isShown));
  (isShown ? help : ask).focus();
}

function closeDetails(details) {
  details.open = false;
  find("summary", details).focus();
}

if (help && ask) {
  singleKeys.checked = areKeysOn();
  singleKeys.addEventListener("change", () => {
    try {
      localStorage.setItem(SWITCH, singleKeys.checked ? "on" : "off");
    } catch {
      // It then holds for this page alone.
    }
  });
  ask.addEventListener("click", () => showHelp(help.hidden));
}

addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  if (event.target.closest("[data-close-help]")) showHelp(false);
  const details = event.target.closest("[data-close-details]")?.closest("details");
  if (details) closeDetails(details);
});

// A form that is sent twice would do things twice.
addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.dataset.again !== undefined) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
});
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

const isTyping = (element) =>
  element.matches("textarea, select, [contenteditable], input:not([type=checkbox]):not([type=radio]):not([type=range])");

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const element = event.target instanceof Element ? event.target : document.body;
  if (event.code === "Escape") {
    const details = element.closest("details[open]");
    if (help && !help.hidden) showHelp(false);
    else if (details) closeDetails(details);
    return;
  }
  const code = event.code.replace("NumpadEnter", "Enter").replace(/^Numpad(\d)$/, "Digit$1");
  const typing = isTyping(element);
  if (!typing && code === "Enter" && element.closest("a, button, summary")) return;
  if (!typing && singleKeys?.checked === false && code !== "Enter") return;
  if (!typing && code === "Slash" && event.shiftKey) return showHelp(help.hidden);
  if (event.shiftKey) return;
  const pressed = [...document.querySelectorAll(`[data-key="${CSS.escape(code)}"]`)].find(
    (one) => !one.disabled && one.offsetParent !== null && (!typing || one.dataset.keyTyping !== undefined),
  );
  if (!pressed) return;
  event.preventDefault();
  if (pressed.matches("input:not([type=checkbox]):not([type=radio]), textarea, select")) pressed.focus();
  else pressed.click();
});
