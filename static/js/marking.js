// Marking by keyboard: a letter leads to the link or button that carries it, except while something is being typed;
// in a list j and k go from row to row, and Enter opens the row as it does any link.
(() => {
  const typing = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey || event.defaultPrevented) return;
    const key = event.ctrlKey ? `Ctrl+${event.key}` : event.key;
    if (!event.ctrlKey && typing(event.target)) return;
    const control = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!control && !walk(key)) return;
    event.preventDefault();
    control?.click();
  });

  const walk = (key) => {
    const step = { j: 1, k: -1 }[key];
    const rows = [...document.querySelectorAll("[data-walk] :is(tbody th a, .pagination a[rel=next])")];
    if (!step || !rows.length) return false;
    const here = rows.indexOf(document.activeElement);
    rows[Math.min(Math.max(here + step, 0), rows.length - 1)].focus();
    return true;
  };

  // With a script a phrase that is ticked stands in the feedback at once; without one it is put there on saving.
  document.addEventListener("change", (event) => {
    const field = document.getElementById(event.target.closest?.("[data-phrases]")?.dataset.phrases ?? "");
    if (!field || !event.target.checked) return;
    const words = event.target.nextElementSibling.textContent;
    field.value = field.value.trim() ? `${field.value.trimEnd()}\n\n${words}` : words;
    event.target.checked = false;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  document.querySelectorAll("[data-keys]").forEach((hint) => { hint.hidden = false; });
})();
