// The promise as a slider. Every stop lies in the page as a template, so moving it asks no server. Without this script
// a list and a button do the same.
const find = (selector) => document.querySelector(selector);
const stops = [...document.querySelectorAll("template[data-stop]")];
const dial = find("#dial");

function show(stop) {
  find("#outcome").replaceChildren(stop.content.cloneNode(true));
  find("#promised").textContent = stop.dataset.words;
  find("#precision").value = stop.dataset.value;
  find("#save").textContent = stop.dataset.save;
  find("#save").disabled = stop.dataset.now !== undefined;
  dial.setAttribute("aria-valuetext", stop.dataset.spoken);
  find("#cross")?.setAttribute("d", stop.dataset.cross ?? "");
  find("#dot")?.setAttribute("d", stop.dataset.dot ?? "");
}

if (dial && stops.length) {
  find("#pick").hidden = true;
  find("#slide").hidden = false;
  // A browser may have kept where the slider stood before the page was loaded again.
  dial.value = find("#chooser").dataset.at;
  show(stops[dial.value]);
  dial.addEventListener("input", () => show(stops[dial.value]));
}
