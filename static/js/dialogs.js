// Asks before something is undone, where `data-confirm` or `hx-confirm` says so.
(() => {
  document.addEventListener("click", ({ target }) => {
    if (target instanceof HTMLDialogElement) target.close();
  });

  const ask = (question, consequence, yes, go) => {
    const dialog = document.createElement("dialog");
    const title = document.createElement("h2");
    title.id = "confirm-title";
    title.textContent = question;
    dialog.setAttribute("aria-labelledby", title.id);
    const words = document.createElement("p");
    words.textContent = consequence || "";
    const actions = document.createElement("div");
    actions.className = "actions";
    const button = (kind, textContent) =>
      Object.assign(document.createElement("button"), { type: "button", className: `button ${kind}`, textContent });
    const no = button("plain", "Cancel");
    const on = button("danger", yes || "Yes");
    no.addEventListener("click", () => dialog.close());
    on.addEventListener("click", () => { dialog.close(); go(); });
    dialog.addEventListener("close", () => dialog.remove());
    actions.append(no, on);
    dialog.append(title, ...(consequence ? [words] : []), actions);
    document.body.append(dialog);
    dialog.showModal();
  };

  const agreed = new WeakSet();
  document.addEventListener("submit", (event) => {
    const { submitter, target: form } = event;
    const source = submitter?.dataset.confirm ? submitter : form.dataset.confirm ? form : null;
    if (!source || agreed.delete(source)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    ask(source.dataset.confirm, source.dataset.consequence, source.dataset.yes || submitter?.textContent.trim(), () => {
      agreed.add(source);
      form.requestSubmit(submitter || undefined);
    });
  }, true);

  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    const { dataset } = event.detail.elt;
    ask(event.detail.question, dataset.consequence, dataset.yes, () => event.detail.issueRequest(true));
  });
})();
