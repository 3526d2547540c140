// Menus are <details>: one open at a time, closed by Escape and by a tap elsewhere.
(() => {
  const open = () => document.querySelectorAll("details[data-menu][open]");
  document.addEventListener("click", ({ target }) => {
    open().forEach((menu) => { if (!menu.contains(target)) menu.open = false; });
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    open().forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
})();

// What a person has opened stays open, and what has the focus keeps it, when the region around it is renewed.
(() => {
  const NAMED = "a[href], summary";
  const name = (element) => element.getAttribute("href") || element.textContent;
  let opened = [], focused = null;
  document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    const { activeElement } = document;
    opened = [...target.querySelectorAll("details[open] > summary")].map(name);
    focused = target.contains(activeElement) && !activeElement.id && activeElement.matches(NAMED) ? name(activeElement) : null;
  });
  document.addEventListener("htmx:load", ({ target }) => {
    target.querySelectorAll?.(NAMED).forEach((element) => {
      if (element.matches("summary") && opened.includes(name(element))) element.parentElement.open = true;
      if (focused === name(element) && !target.contains(document.activeElement)) element.focus({ preventScroll: true });
    });
  });
})();
