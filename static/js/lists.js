// The bar for many rows at once appears when rows are chosen, and says how many.
// Its form stands beside the table, since rows have forms of their own; the boxes `ids` name it as theirs.
(() => {
  const count = (form) => {
    const bar = form.querySelector("[data-bulk-bar]");
    if (!bar) return;
    const chosen = [...form.elements].filter((box) => box.name === "ids" && box.checked).length;
    bar.hidden = chosen === 0;
    const words = bar.querySelector("[data-bulk-count]");
    words.textContent = `${chosen} ${words.dataset.words}`;
  };
  const all = () => document.querySelectorAll("form[data-bulk]").forEach(count);
  all();
  document.addEventListener("htmx:afterSettle", all);
  document.addEventListener("change", ({ target }) => {
    if (target.form?.matches("[data-bulk]")) count(target.form);
  });
})();
