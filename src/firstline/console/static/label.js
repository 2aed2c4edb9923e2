// The labelling page: the next messages lie in the page as templates, so a key shows the next one at once; what was
// chosen goes out in the background, one request after the other. Keys go by place (event.code), not by letter: on a
// Russian layout "s" types "ы".
const $ = (query, root = document) => root.querySelector(query);
const $$ = (query, root = document) => [...root.querySelectorAll(query)];
const page = $("#main"), list = $("#options"), find = $("#find"), form = $("#choose"), hint = $("#hint");
const words = page.dataset, none = $("#none-option");
const waiting = $$("template.card", $("#cards"));
const done = new Set();
const guides = new Map(), unguided = [...$("#guide").childNodes];
const sending = [], refused = { class_gone: "class" };
const FIRST_RETRY_MS = 1000, LONGEST_RETRY_MS = 30000, RENEW_MS = 240000;
let shown = null, ranked = [], isSending = false;

const say = text => { $("#saved").textContent = text; };
const chosen = () => $("input:checked", list);
const nameOf = input => $(".name", input.parentNode).textContent;
const number = value => value.toLocaleString(document.documentElement.lang);

function show(card) {
  shown = card;
  $("#work").hidden = !card;
  $("#empty").hidden = Boolean(card);
  hint.className = "hint";
  hint.replaceChildren();
  if (!card) return;
  for (const [part, target] of [["hint", hint], ["meta", $("#meta")], ["text", $("#text")], ["options", list]]) {
    target.replaceChildren(...$(`[data-part=${part}]`, card.content).cloneNode(true).childNodes);
  }
  list.append(none.content.cloneNode(true));
  ranked = [...list.children].map(item => item.cloneNode(true));
  find.value = $("#found").textContent = "";
  $("#guide").replaceChildren(...unguided.map(node => node.cloneNode(true)));
  $("#note").hidden = true;
  $("#acts").hidden = false;
  $("#text").scrollTop = 0;
  $("#text").focus({ preventScroll: true });
}

function next() {
  shown = null;
  show(waiting.find(card => !done.has(card.dataset.card)) ?? null);
}

async function describe() {
  const id = chosen()?.value;
  if (!id || id === "none") return;
  if (!guides.has(id)) guides.set(id, fetch(`/classes/${id}/guide`).then(answer => (answer.ok ? answer.text() : "")));
  const text = await guides.get(id);
  if (chosen()?.value === id) $("#guide").innerHTML = text;
}

// What is to be sent, in order. `back` is done if it is refused.
function send(address, values, after, back) {
  sending.push({ address, values, after, back });
  work();
}

async function work() {
  if (isSending) return;
  isSending = true;
  let pause = FIRST_RETRY_MS;
  while (sending.length) {
    const { address, values, after, back } = sending[0];
    try {
      const body = new URLSearchParams({ csrf: form.elements.csrf.value, ...values });
      const answer = await fetch(address, { method: "POST", body });
      if (answer.status >= 500 || answer.status === 429) throw new Error("busy");
      sending.shift();
      if (answer.redirected || answer.status === 401 || answer.status === 403) { location.reload(); return; }
      if (answer.ok) { const told = await answer.json(); take(told); after?.(told); pause = FIRST_RETRY_MS; }
      else { back?.(); notice(answer.status === 409 ? refused[(await answer.json()).error] ?? "lease" : "error"); }
    } catch {
      notice("offline");
      await new Promise(resolve => setTimeout(resolve, pause));
      pause = Math.min(2 * pause, LONGEST_RETRY_MS);
    }
  }
  isSending = false;
}

function take(told) {
  if (hint.dataset.notice === "offline") { hint.removeAttribute("data-notice"); if (shown) restoreHint(); }
  $("#today").textContent = number(told.today);
  if (told.first !== null && $("#first")) {
    $("#first b").textContent = number(told.first);
    $("#first").hidden = told.first >= Number(words.first);
    $("#enough").hidden = told.first < Number(words.first);
  }
  const holder = document.createElement("div");
  holder.innerHTML = told.cards;
  for (const card of $$("template.card", holder)) {
    if (!waiting.some(one => one.dataset.card === card.dataset.card)) waiting.push(card);
  }
  if (!shown) next();
}

function notice(name) {
  hint.className = "hint notice";
  hint.dataset.notice = name;
  hint.replaceChildren($(`#notice-${name}`).content.cloneNode(true));
}

function restoreHint() {
  hint.className = "hint";
  hint.replaceChildren(...$("[data-part=hint]", shown.content).cloneNode(true).childNodes);
}

function save() {
  const input = chosen();
  if (!shown || !input) { say(words.choose); return; }
  const message = shown.dataset.message, name = nameOf(input);
  const row = remember(message, name, $("#text").textContent.trim());
  done.add(shown.dataset.card);
  say(`${words.saved} ${name}`);
  $("#today").textContent = number(Number($("#today").textContent.replace(/\D/g, "")) + 1);
  send("/label/give", { message, class: input.value }, told => { row.dataset.label = told.label; }, () => row.remove());
  next();
}

function remember(message, name, text) {
  const row = document.createElement("li");
  row.dataset.message = message;
  const box = document.createElement("div"), first = document.createElement("span"), second = document.createElement("span");
  const button = document.createElement("button");
  first.textContent = name;
  second.textContent = text.slice(0, 40);
  second.className = "muted";
  button.className = "icon";
  button.type = "button";
  button.textContent = "↶";
  button.setAttribute("aria-label", `${words.undo} ${name}`);
  box.append(first, second);
  row.append(box, button);
  $("#recent").prepend(row);
  $$("#recent li").slice(5).forEach(old => old.remove());
  return row;
}

function undo(row) {
  if (!row) { say(words.nothing); return; }
  if (!row.isConnected) return;
  if (!row.dataset.label) { setTimeout(() => undo(row), 100); return; }
  send("/label/undo", { label: row.dataset.label, message: row.dataset.message }, told => {
    done.delete(told.card);
    say(`${words.undone} ${$("span", row).textContent}`);
    row.remove();
    const card = waiting.find(one => one.dataset.card === told.card);
    if (card) show(card);
  });
}

function remark(kind, text, said) {
  if (!shown) return;
  const message = shown.dataset.message;
  send("/label/remark", { message, kind, text }, null, null);
  say(said);
  if (kind !== "note") { done.add(shown.dataset.card); next(); }
}

const acts = {
  s: () => remark("skip", "", words.skipped),
  d: () => remark("unsure", "", words.unsure),
  n: () => { $("#acts").hidden = true; $("#note").hidden = false; $("#note-text").focus(); },
  u: () => undo($("#recent li")),
  note: () => {
    const text = $("#note-text").value.trim();
    if (text) remark("note", text, words.noted);
    $("#note-text").value = "";
    closeNote();
  },
};

function closeNote() {
  $("#note").hidden = true;
  $("#acts").hidden = false;
  $("#text").focus({ preventScroll: true });
}

function digit(value) {
  const input = value ? $$("input:not([data-none])", list)[value - 1] : $("[data-none]", list);
  if (!input && !value) say(words.noNone);
  if (!input) return;
  if (input.checked) { save(); return; }
  input.checked = true;
  describe();
  if ($("#fast").checked) save();
}

function move(step) {
  const inputs = $$("input", list);
  if (!inputs.length) return;
  const at = inputs.indexOf(chosen());
  const input = inputs[at < 0 ? (step > 0 ? 0 : inputs.length - 1) : (at + step + inputs.length) % inputs.length];
  input.checked = true;
  input.scrollIntoView({ block: "nearest" });
  describe();
}

function search() {
  const asked = find.value.trim().toLowerCase();
  if (!asked) { list.replaceChildren(...ranked.map(item => item.cloneNode(true))); $("#found").textContent = ""; return; }
  const all = $$("li", $("#classes").content);
  const hits = all.filter(item => $(".name", item).textContent.toLowerCase().includes(asked));
  list.replaceChildren(...hits.map(item => item.cloneNode(true)), none.content.cloneNode(true));
  $("#found").textContent = `${number(hits.length)} ${words.of} ${number(all.length)}`;
  if (hits.length) { $("input", list).checked = true; describe(); }
}

document.addEventListener("click", event => {
  const act = event.target.closest("[data-act]");
  if (act) acts[act.dataset.act]?.();
});
// Letters, Enter and / are marked on their buttons and fields; keys.js presses those.
document.addEventListener("keydown", event => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.isComposing) return;
  const field = event.target, isTyping = field.matches("input[type=search], textarea");
  // A long text scrolls by these keys.
  const scrolls = field === $("#note-text") || (field === $("#text") && field.scrollHeight > field.clientHeight);
  const pressed = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  if (event.code === "Escape" && isTyping) {
    find.value = "";
    search();
    closeNote();
  } else if (/^Arrow(Up|Down)$/.test(event.code) && !scrolls) {
    event.preventDefault();
    move(event.code === "ArrowDown" ? 1 : -1);
  } else if (pressed && !isTyping && $("#single-keys").checked) {
    event.preventDefault();
    digit(Number(pressed[1]));
  }
});
list.addEventListener("change", describe);
find.addEventListener("input", search);
form.addEventListener("submit", event => { event.preventDefault(); save(); });
$("#recent").addEventListener("click", event => {
  if (event.target.closest("button")) undo(event.target.closest("li"));
});
const fast = $("#fast");
try {
  fast.checked = localStorage.getItem("firstline-digit-saves") === "yes";
  fast.addEventListener("change", () => localStorage.setItem("firstline-digit-saves", fast.checked ? "yes" : "no"));
} catch {
  // A browser may forbid storage; the switch then holds for this page alone.
}
setInterval(() => { if (shown && document.visibilityState === "visible") send("/label/more", {}); }, RENEW_MS);
next();
