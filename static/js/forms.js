// Passwords to look at, warnings before what was typed is lost, one sending at a time.
(() => {
  const ready = (root) => {
    root.querySelectorAll?.("[data-shows], [data-copy]").forEach((button) => { button.hidden = false; });
    root.querySelectorAll?.("[data-autosubmit-button]").forEach((button) => { button.hidden = true; });
  };
  ready(document);
  document.addEventListener("htmx:load", ({ target }) => ready(target));

  document.addEventListener("click", async ({ target }) => {
    const shows = target.closest("[data-shows]");
    if (shows) {
      const input = document.getElementById(shows.dataset.shows);
      const hidden = input.type === "password";
      input.type = hidden ? "text" : "password";
      shows.textContent = hidden ? "Hide" : "Show";
      shows.setAttribute("aria-label", hidden ? "Hide the password" : "Show the password");
    }
    const copies = target.closest("[data-copy]");
    if (copies) {
      const words = copies.querySelector("span") || copies;
      const before = words.textContent;
      try {
        await navigator.clipboard.writeText(copies.dataset.copy);
        words.textContent = "Copied";
      } catch {
        words.textContent = "Select and copy by hand";
      }
      setTimeout(() => { words.textContent = before; }, 2000);
    }
    if (target.closest("[data-print]")) print();
  });

  document.addEventListener("change", ({ target }) => {
    const form = target.closest?.("form[data-autosubmit]:not([hx-get])");
    if (form) form.requestSubmit();
  });

  // Who goes back after the line dropped is at the same form: it keeps its key, by which its act is done once.
  const once = [...document.querySelectorAll("input[data-once]")];
  if (once.length) {
    const keys = history.state?.keys || {};
    once.forEach((input) => {
      const address = input.form.getAttribute("action") || "";
      keys[address] ||= input.value;
      input.value = keys[address];
    });
    history.replaceState({ ...history.state, keys }, "");
  }

  const changed = new Set();
  document.addEventListener("input", ({ target }) => {
    const form = target.closest?.("form[data-guard]");
    if (form) changed.add(form);
  });
  document.addEventListener("submit", ({ target }) => {
    changed.delete(target);
    const sentByBrowser = target.method === "post" && !target.matches("[hx-post], [hx-put], [hx-patch]");
    if (sentByBrowser) target.classList.add("is-sending");
  });
  ["htmx:responseError", "htmx:sendError"].forEach((kind) => document.addEventListener(kind, ({ target }) => {
    if (target.matches?.("form[data-guard]")) changed.add(target);
  }));
  addEventListener("beforeunload", (event) => {
    if ([...changed].some((form) => form.isConnected)) event.preventDefault();
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll(".is-sending").forEach((form) => form.classList.remove("is-sending"));
  });
})();
