// Marking by keyboard: a letter leads to the link or button that carries it, except while something is being typed.
(() => {
  const typing = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey || event.defaultPrevented) return;
    const key = event.ctrlKey ? `Ctrl+${event.key}` : event.key;
    if (!event.ctrlKey && typing(event.target)) return;
    const control = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!control) return;
    event.preventDefault();
    control.click();
  });
})();
