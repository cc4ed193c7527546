"use strict";
// Asks /search and shows rows. Texts of strangers are set as text alone. What is asked is in the address, as
// /?text=... or /?like=ROW, so that going back, reloading and bookmarks work; images that are given are not.

const [form, text, image, status, list] = ["form", "text", "image", "status", "found"].map((id) => document.getElementById(id));
const [results, more, asked] = ["results", "more", "asked"].map((id) => document.getElementById(id));
const MAX_UPLOAD_BYTES = 20000000;
const FIRST_ROWS = 24;
const MAX_ROWS = 1000;
const HINT = status.textContent;
let latest = 0;
let again = null; // asks the same for more rows

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function told(words) {
  return element("p", { className: "told", dir: "auto", textContent: words });
}

function item(row) {
  const caption = row.caption || row.id;
  const picture = element("img", { src: "/pictures/" + row.row, alt: caption, loading: "lazy" });
  picture.addEventListener("error", () => picture.remove());
  const like = element("a", { className: "like", href: "/?like=" + row.row }, picture, element("span", {}, "More like this"));
  like.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab
    event.preventDefault();
    go("/?like=" + row.row);
  });
  const below = [element("p", { className: "caption", dir: "auto", title: caption, textContent: caption }), told("score " + row.score.toFixed(3))];
  if (row.query) below.push(told("collected for “" + row.query + "”"));
  if (row.caption) below.push(told("id " + row.id));
  return element("li", {}, element("figure", {}, like, element("figcaption", {}, ...below)));
}

function say(words, isWrong) {
  status.textContent = words;
  status.classList.toggle("wrong", isWrong);
}

function clear(words, isWrong) {
  latest += 1;
  list.replaceChildren();
  list.removeAttribute("aria-busy");
  results.hidden = true;
  say(words, isWrong);
}

async function answerOf(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("nothing answers at " + location.host + ": is trainer search --serve still running?");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof body.detail === "string" ? body.detail : "this cannot be searched for");
  return body;
}

function brief(words) {
  return words.length > 100 ? words.slice(0, 100) + "…" : words;
}

// `what(rows)` is what was asked for in words; `known` rows are shown already and stay.
async function ask(what, path, options, num = FIRST_ROWS, known = 0) {
  const own = ++latest;
  say("Searching…", false);
  list.setAttribute("aria-busy", "true");
  try {
    const rows = await answerOf(path + (path.includes("?") ? "&" : "?") + "num=" + num, options);
    if (own !== latest) return;
    if (known) list.append(...rows.slice(known).map(item));
    else list.replaceChildren(...rows.map(item));
    if (known && rows.length > known) list.children[known].querySelector("a").focus();
    results.hidden = rows.length === 0;
    more.hidden = rows.length < num || num >= MAX_ROWS;
    again = () => ask(what, path, options, Math.min(MAX_ROWS, 2 * num), rows.length);
    say((rows.length === 1 ? "1 result " : rows.length + " results ") + what(rows), false);
  } catch (error) {
    if (own === latest) clear("Not searched: " + error.message, true);
  } finally {
    if (own === latest) list.removeAttribute("aria-busy");
  }
}

function showAsked(source) {
  if (asked.src.startsWith("blob:")) URL.revokeObjectURL(asked.src);
  asked.src = source;
  asked.hidden = false;
}

function askImage(file) {
  text.value = "";
  if (location.search) history.pushState(null, "", "/");
  document.title = "An image – Search images and texts";
  if (file.size > MAX_UPLOAD_BYTES) {
    asked.hidden = true;
    clear("Not searched: the image has more than 20 MB", true);
    return;
  }
  showAsked(URL.createObjectURL(file));
  ask(() => "for the image " + brief(file.name), "/search", { method: "POST", body: file });
}

function likeOf(row) {
  return "like " + (row ? "“" + brief(row.caption || row.id) + "”" : "this");
}

// Asks what the address says.
function askAddress() {
  const given = new URLSearchParams(location.search);
  const words = (given.get("text") || "").trim();
  const row = given.get("like");
  text.value = words;
  image.value = "";
  asked.hidden = true;
  document.title = (words ? brief(words) + " – " : row === null ? "" : "More like " + row + " – ") + "Search images and texts";
  if (words) ask(() => "for “" + brief(words) + "”", "/search?" + new URLSearchParams({ text: words }));
  else if (row !== null) {
    showAsked("/pictures/" + encodeURIComponent(row));
    ask((rows) => likeOf(rows.find((one) => String(one.row) === row)), "/search?" + new URLSearchParams({ like: row }));
  } else clear(HINT, false);
}

function go(address) {
  history.pushState(null, "", address);
  askAddress();
  if (address.startsWith("/?like=")) { // what had the focus is gone
    text.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  go(text.value.trim() ? "/?" + new URLSearchParams({ text: text.value.trim() }) : "/");
});
asked.addEventListener("error", () => { asked.hidden = true; });
more.addEventListener("click", () => again());
image.addEventListener("change", () => image.files.length && askImage(image.files[0]));
addEventListener("popstate", askAddress);
addEventListener("paste", (event) => event.clipboardData.files.length && askImage(event.clipboardData.files[0]));
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  if (event.dataTransfer.files.length) askImage(event.dataTransfer.files[0]);
  else clear("Not searched: what was dropped is no file; save the image and drop that", true);
});
answerOf("/index").then((index) => {
  document.getElementById("about").textContent = index.rows.toLocaleString("en") + " " + index.of;
}, () => {});
askAddress();
