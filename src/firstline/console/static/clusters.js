// The page of groups. Without this script the form works as well: it is then longer, and every class is listed.
// keys.js presses Enter, s, u and /.
const $ = (query, root = document) => root.querySelector(query);
const $$ = (query, root = document) => [...root.querySelectorAll(query)];
const form = $("#group"), RENEW_MS = 240000;

function begin() {
  const list = $("#options"), find = $("#find"), give = $("#give"), words = form.dataset;
  const rows = $$(".members input[type=checkbox]"), radios = $$("input", list);
  const guides = new Map();
  let row = rows[0], before = null;
  const chosen = () => $("input:checked", list);
  const nameOf = radio => $(".name", radio.parentNode).textContent;
  const listed = () => radios.filter(radio => !radio.closest("li").hidden);

  function tell() {
    const n = rows.filter(one => one.checked).length, radio = chosen();
    give.disabled = !n;
    $("#what").textContent = !n ? words.nothing : !radio ? words.choose
      : words.label.replace("{n}", () => n).replace("{name}", () => nameOf(radio));
  }

  // Only the chosen class is listed, until somebody looks for another; all of them if none is chosen yet.
  function narrow() {
    const asked = find.value.trim().toLowerCase(), radio = chosen();
    for (const one of radios) {
      one.closest("li").hidden = asked ? !nameOf(one).toLowerCase().includes(asked) : radio && one !== radio;
    }
    $("#found").textContent = asked ? `${listed().length} ${words.of} ${radios.length}` : "";
  }

  async function describe() {
    const id = chosen()?.value;
    if (!id) return;
    if (!guides.has(id)) guides.set(id, fetch(`/classes/${id}/guide`).then(answer => (answer.ok ? answer.text() : "")));
    const text = await guides.get(id);
    if (chosen()?.value === id) $("#guide").innerHTML = text;
  }

  function choose(radio) {
    for (const one of radios) one.checked = one === radio;
    tell();
    describe();
  }

  function search() {
    before ??= { radio: chosen() };
    narrow();
    const hits = listed();
    if (find.value.trim() && !hits.includes(chosen())) choose(hits[0]);
  }

  function leave() {
    find.value = "";
    before = null;
    narrow();
    row.focus();
  }

  function move(step) {
    row = rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(row) + step))];
    row.focus();
    row.closest("li").scrollIntoView({ block: "nearest" });
  }

  function another(step) {
    const hits = listed(), at = hits.indexOf(chosen());
    if (hits.length) choose(hits[(at + step + hits.length) % hits.length]);
    chosen()?.scrollIntoView({ block: "nearest" });
  }

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1, KeyJ: 1, KeyK: -1 }[event.code];
    if (event.target === find) {
      // Enter only takes the class. What is labelled is looked at again, with the cursor on the rows.
      if (event.code === "Escape") { if (before) choose(before.radio); leave(); }
      else if (/Enter$/.test(event.code)) leave();
      else if (event.code.startsWith("Arrow") && step) another(step);
      else return false;
      return true;
    }
    if (!step || event.target.matches("input[type=radio]")) return false;
    if (event.code.startsWith("Key") && !$("#single-keys").checked) return false;
    move(step);
    return true;
  }

  $("#lookup").hidden = false;
  for (const one of rows) one.tabIndex = one === row ? 0 : -1;
  form.addEventListener("focusin", event => {
    if (!rows.includes(event.target)) return;
    row.tabIndex = -1;
    row = event.target;
    row.tabIndex = 0;
  });
  form.addEventListener("change", event => { tell(); if (event.target.type === "radio") { describe(); leave(); } });
  find.addEventListener("input", search);
  addEventListener("keydown", event => { if (press(event)) { event.preventDefault(); event.stopPropagation(); } }, true);
  addEventListener("pageshow", () => { tell(); narrow(); });
  setInterval(async () => {
    if (document.visibilityState !== "visible") return;
    const answer = await fetch("/clusters/keep", { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (answer.redirected) location.reload();
    $("#gone").hidden = answer.status !== 409;
  }, RENEW_MS);
}

if (form) begin();
