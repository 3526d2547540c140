// Shows which files are chosen, and how far they have been sent: amount, speed, time left.
(() => {
  const NO_BREAK = "\u00a0";
  const size = (bytes) => {
    const units = ["kB", "MB", "GB"];
    let amount = bytes / 1000, place = 0;
    while (amount >= 999.5 && place < 2) { amount /= 1000; place += 1; }
    return `${amount < 99.95 ? amount.toFixed(1).replace(/\.0$/, "") : Math.round(amount)}${NO_BREAK}${units[place]}`;
  };
  const span = (seconds) => seconds < 60 ? `${Math.max(1, Math.round(seconds))}${NO_BREAK}s`
    : seconds < 3600 ? `${Math.round(seconds / 60)}${NO_BREAK}min` : `${Math.round(seconds / 360) / 10}${NO_BREAK}h`;

  window.portalWords = { size, span };

  document.addEventListener("change", ({ target }) => {
    const list = target.dataset?.chosen && document.getElementById(target.dataset.chosen);
    if (!list) return;
    list.replaceChildren(...[...target.files].map((file) => {
      const row = document.createElement("li");
      const [name, amount] = [document.createElement("span"), document.createElement("span")];
      name.textContent = file.name;
      amount.textContent = size(file.size);
      row.append(name, amount);
      return row;
    }));
    list.hidden = !target.files.length;
  });
  ["dragover", "dragleave", "drop"].forEach((kind) => document.addEventListener(kind, (event) => {
    event.target.closest?.("[data-drop]")?.classList.toggle("over", kind === "dragover");
  }));

  const starts = new WeakMap();
  const boxOf = ({ target }) => target.querySelector?.("[data-upload]");
  const hasFiles = (form) => [...form.querySelectorAll("input[type=file]")].some((input) => input.files.length);

  document.addEventListener("htmx:beforeSend", (event) => {
    const box = boxOf(event);
    if (!box || !hasFiles(event.target)) return;
    starts.set(box, performance.now());
    box.querySelector("[data-upload-state]").textContent = "Sending…";
    box.querySelector("[data-upload-words]").textContent = "";
    box.querySelector("progress").value = 0;
    box.hidden = false;
  });
  document.addEventListener("htmx:xhr:progress", (event) => {
    const box = boxOf(event);
    const { loaded, total, lengthComputable } = event.detail;
    if (!box || !lengthComputable || !starts.has(box)) return;
    const seconds = (performance.now() - starts.get(box)) / 1000;
    const speed = loaded / Math.max(seconds, 0.001);
    box.querySelector("progress").value = 100 * loaded / total;
    const left = seconds > 1 && loaded < total ? `, ${span((total - loaded) / speed)} left` : "";
    box.querySelector("[data-upload-words]").textContent = `${size(loaded)} of ${size(total)}, ${size(speed)}/s${left}`;
    if (loaded >= total) box.querySelector("[data-upload-state]").textContent = "Sent. Being kept safe…";
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const box = boxOf(event);
    if (!box) return;
    starts.delete(box);
    box.hidden = true;
  });
})();
