"use strict";
(() => {
  const form = document.getElementById("filter");
  const cards = [...document.querySelectorAll("#gallery li")];
  const told = document.getElementById("shown");
  const fields = ["query", "source", "domain"];
  const choose = () => {
    let shown = 0;
    for (const card of cards) {
      const fits = fields.every((name) => {
        const wanted = form.elements[name].value;
        return wanted === "" || card.dataset[name].split(" ").includes(wanted);
      });
      card.hidden = !fits;
      shown += fits;
    }
    told.textContent = `${shown} of ${cards.length} pictures`;
  };
  form.addEventListener("change", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(choose, 0));
  form.hidden = false;
  choose();
})();
