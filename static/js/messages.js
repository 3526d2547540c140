// Tells people when an answer did not come: in the flash region, with a way to try again.
(() => {
  const WORDS = {
    0: ["The line dropped", "What you wrote is still here. Nothing was lost on this page."],
    413: ["That is too large", "Your file is still on your device. Choose a smaller one."],
    429: ["That was very often in a short time", "Wait a few minutes and try again."],
    503: ["The portal is resting for a moment", "What you wrote is still here. Try again soon."],
  };
  const OTHERWISE = ["Something went wrong on our side", "What you wrote is still here. Nothing else was changed."];

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  const wordsOf = (xhr) => {
    const type = xhr?.getResponseHeader("Content-Type") || "";
    const page = type.startsWith("text/html") && new DOMParser().parseFromString(xhr.responseText, "text/html");
    const told = page && page.getElementById("error");
    if (!told) return WORDS[xhr?.status || 0] || OTHERWISE;
    const [happened, , todo] = [...told.querySelectorAll("dd")].map((part) => part.textContent);
    return [told.querySelector("h1").textContent, `${happened} ${todo}`];
  };

  const tell = (event) => {
    const flash = document.getElementById("flash");
    const { xhr } = event.detail;
    const elt = event.detail.requestConfig?.elt || event.detail.elt;
    if (!flash || elt.closest("[data-quiet]") || xhr?.getResponseHeader("HX-Redirect")) return;
    const [title, text] = wordsOf(xhr);
    const notice = element("div", "", "notice problem");
    const words = element("div");
    words.append(element("p", title, "title"), element("p", text));
    const requestId = xhr?.getResponseHeader("X-Request-ID");
    if (requestId) words.append(element("p", `If you ask for help, give this number: ${requestId}`, "small muted"));
    const again = element("button", "Try again", "button plain small");
    again.type = "button";
    again.addEventListener("click", () => {
      flash.replaceChildren();
      const form = elt.matches("form") ? elt : null;
      if (form) form.requestSubmit();
      else if (elt.matches("a, button, input[type=submit]")) elt.click();
      else location.reload();
    });
    if (![409, 422].includes(xhr?.status)) words.append(again);
    notice.append(words);
    flash.replaceChildren(notice);
    notice.scrollIntoView({ block: "nearest" });
  };

  // A refusal that is not the form's own goes to the flash region: what was typed stays where it is.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (![409, 422].includes(xhr.status) || !/^\s*<section id="error"/.test(xhr.responseText)) return;
    event.detail.shouldSwap = false;
    tell(event);
  });
  document.addEventListener("htmx:responseError", tell);
  document.addEventListener("htmx:sendError", tell);
  document.addEventListener("htmx:timeout", tell);

  // A region says that it is being renewed.
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (detail.target && detail.target !== detail.elt) detail.target.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => detail.target?.removeAttribute("aria-busy"));
})();
