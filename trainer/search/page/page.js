"use strict";
// Asks /search and shows rows; texts of strangers are set as text alone.

const form = document.getElementById("form");
const text = document.getElementById("text");
const image = document.getElementById("image");
const drop = document.getElementById("drop");
const asked = document.getElementById("asked");
const status = document.getElementById("status");
const list = document.getElementById("found");
const MAX_UPLOAD_BYTES = 20000000;
let latest = 0;

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function item(row) {
  const caption = row.caption || row.id;
  const picture = element("img", { src: "/pictures/" + row.row, alt: caption, loading: "lazy" });
  picture.addEventListener("error", () => picture.remove());
  const told = [element("p", { className: "told", textContent: "score " + row.score.toFixed(3) + " · " + row.id })];
  if (row.query) told.push(element("p", { className: "told", textContent: "collected for: " + row.query }));
  return element("li", {}, element("figure", {}, picture, element("figcaption", {}, caption, ...told)));
}

async function ask(what, path, options) {
  const own = ++latest;
  status.textContent = "Searching…";
  try {
    const answer = await fetch(path, options);
    const body = await answer.json();
    if (own !== latest) return;
    if (!answer.ok) throw new Error(typeof body.detail === "string" ? body.detail : "cannot be searched for");
    list.replaceChildren(...body.map(item));
    status.textContent = body.length + " found for " + what;
  } catch (error) {
    if (own !== latest) return;
    list.replaceChildren();
    status.textContent = "Not found: " + error.message;
  }
}

function askImage(file) {
  URL.revokeObjectURL(asked.src);
  if (file.size > MAX_UPLOAD_BYTES) {
    status.textContent = "Not found: the image has more than 20 MB";
    return;
  }
  asked.src = URL.createObjectURL(file);
  asked.alt = "the image asked for, " + file.name;
  asked.hidden = false;
  ask("the image " + file.name, "/search?num=24", { method: "POST", body: file });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  asked.hidden = true;
  if (!text.value.trim()) {
    status.textContent = "Type a text or choose an image.";
    return;
  }
  ask("“" + text.value + "”", "/search?" + new URLSearchParams({ text: text.value, num: "24" }));
});
image.addEventListener("change", () => image.files.length && askImage(image.files[0]));
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer.files.length) askImage(event.dataTransfer.files[0]);
});
