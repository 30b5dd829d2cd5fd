const form = document.querySelector("form");
const rows = [...document.querySelectorAll("tbody tr")];
const count = document.querySelector("output");

function filter() {
  const { verdict, kind, name } = Object.fromEntries(new FormData(form));
  const wanted = name.trim().toLowerCase();
  let shown = 0;
  for (const row of rows) {
    const fits =
      (!verdict || row.dataset.verdict === verdict) &&
      (!kind || row.dataset.kind === kind) &&
      row.dataset.name.toLowerCase().includes(wanted);
    row.hidden = !fits;
    shown += fits;
  }
  count.textContent = `${shown} of ${rows.length} runs`;
}

form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
filter();
