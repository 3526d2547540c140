// Sends files piece by piece, and goes on where it stopped: after a dropped line, a closed tab, on another day.
(() => {
  const { size, span } = window.portalWords;
  // Not at once: what the broken line had brought must be on the disk before one asks how far it is.
  const RETRIES = [1000, 2000, 3000, 5000, 10000, 20000, 40000, 60000];
  // A browser repeats by itself what a reset line cut off, from where it no longer is: that costs one piece at most.
  // So a piece is what the line brings in a few seconds.
  const SMALLEST_PIECE = 256 * 1024;
  const LARGEST_PIECE = 2 * 1024 * 1024;
  const PIECE_SECONDS = 4;
  const AT_ONCE = 2;
  const LOOK_AGAIN_AFTER = 60000;
  const MAY_BE_TRIED_AGAIN = [409, 423, 429, 460];
  const GONE = [404, 410];

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  };
  const button = (text, act) => {
    const made = element("button", "button plain small", text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  };
  // The same file is known again by its name and the moment it was last changed, as they were told at the beginning.
  const isSame = (metadata, file) => {
    const told = Object.fromEntries(metadata.split(",").map((pair) => pair.trim().split(" ")));
    return told.filename === encoded(file.name) && told.modified === encoded(String(file.lastModified));
  };
  const nameOf = (url) => url?.replace(/\/$/, "").split("/").pop();
  const encoded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const line = navigator.connection;
  const isMetered = () => line?.type === "cellular" || line?.saveData === true;

  // One file on its way: a row that tells how far it is, and what can be done about it.
  class Arrival {
    constructor(sender, file, row) {
      this.sender = sender;
      this.file = file;
      this.state = "waiting";
      this.row = row || element("li", "file arriving");
      this.url = row?.dataset.url;
      this.draw();
    }

    draw() {
      const words = element("div", "file-words");
      this.told = element("span", "file-meta", size(this.file.size));
      this.bar = element("progress");
      this.bar.max = this.file.size || 1;
      this.bar.value = Number(this.row.dataset.offset || 0);
      this.bar.setAttribute("aria-label", this.file.name);
      words.append(element("span", "file-name", this.file.name), this.told, this.bar);
      this.actions = element("div", "actions");
      this.names = element("input");
      this.names.type = "hidden";
      this.row.replaceChildren(words, this.actions, this.names);
      this.name("awaited");
      this.row.classList.remove("unfinished", "refused");
      this.offer();
    }

    offer() {
      const buttons = [];
      const named = (made, what) => { made.setAttribute("aria-label", `${what} ${this.file.name}`); buttons.push(made); };
      if (this.state === "sending") named(button("Pause", () => this.pause()), "Pause");
      if (this.state === "paused" || this.state === "stopped") named(button("Go on", () => this.resume()), "Go on with");
      if (this.state === "waiting" && isMetered()) named(button("Send now", () => this.resume()), "Send now");
      named(button("Remove", () => this.remove()), "Remove");
      const focused = this.actions.contains(document.activeElement);
      this.actions.replaceChildren(...buttons);
      if (focused) buttons[0].focus();
    }

    // What the form says of this file: that it is here, or that it is waited for.
    name(field) {
      if (this.url) [this.names.name, this.names.value] = [field, nameOf(this.url)];
      else this.names.removeAttribute("name");
    }

    get metadata() {
      return { filename: this.file.name, filetype: this.file.type, modified: String(this.file.lastModified) };
    }

    // Has the portal know of this file before its turn to be sent, so that it can wait for it.
    async announce() {
      if (!this.url && this.state === "sending") await new Promise((known) => { this.onKnown = known; });
      if (this.url) return true;
      const told = Object.entries(this.metadata).map(([key, value]) => `${key} ${encoded(value)}`).join(",");
      const headers = {
        ...this.sender.headers(), "Tus-Resumable": "1.0.0", "Upload-Length": this.file.size, "Upload-Metadata": told,
      };
      try {
        const answer = await fetch(this.sender.endpoint, { method: "POST", headers });
        if (answer.status === 201) this.url = answer.headers.get("Location");
        else if (answer.status < 500 && answer.status !== 429) this.refuse(answer.status, await answer.text());
      } catch { /* the line is away: it is asked for later */ }
      this.name("awaited");
      return Boolean(this.url);
    }

    become(state, words) {
      this.state = state;
      if (words) this.told.textContent = words;
      if (words && state !== "sending") this.sender.announce(`${this.file.name}: ${words}`);
      this.offer();
      this.sender.changed();
    }

    start() {
      this.begun = this.pieceBegun = performance.now();
      this.beganAt = null;
      this.upload = new tus.Upload(this.file, {
        // One that is known is only gone on with: where the portal could not say how far it is, all would be sent again.
        endpoint: this.url ? null : this.sender.endpoint,
        uploadUrl: this.url || null,
        chunkSize: SMALLEST_PIECE,
        retryDelays: RETRIES,
        storeFingerprintForResuming: false,
        headers: this.sender.headers(),
        metadata: this.metadata,
        onUploadUrlAvailable: () => {
          this.url = this.upload.url;
          this.upload.options.endpoint = null;
          this.name("awaited");
          this.onKnown?.();
        },
        onProgress: (sent, total) => this.tell(sent, total),
        onChunkComplete: (bytes) => this.fit(bytes),
        onShouldRetry: (error) => {
          const status = error.originalResponse?.getStatus() || 0;
          this.told.textContent = "The line dropped. It goes on by itself.";
          return !status || (status >= 500 && status !== 507) || MAY_BE_TRIED_AGAIN.includes(status);
        },
        onSuccess: () => this.arrive(),
        onError: (error) => this.fail(error),
      });
      this.become("sending", "Connecting…");
      this.upload.start();
    }

    // Makes the next piece as large as the last one says that the line can bring.
    fit(bytes) {
      const seconds = (performance.now() - this.pieceBegun) / 1000;
      this.pieceBegun = performance.now();
      const fitting = Math.round((bytes / seconds) * PIECE_SECONDS);
      this.upload.options.chunkSize = Math.min(Math.max(fitting, SMALLEST_PIECE), LARGEST_PIECE);
    }

    tell(sent, total) {
      if (this.state !== "sending") return;
      this.beganAt ??= sent;
      const seconds = (performance.now() - this.begun) / 1000;
      const speed = (sent - this.beganAt) / Math.max(seconds, 0.001);
      const left = seconds > 1 && speed > 0 && sent < total ? `, ${span((total - sent) / speed)} left` : "";
      this.bar.value = sent;
      this.told.textContent = sent < total
        ? `${size(sent)} of ${size(total)}, ${size(speed)}/s${left}` : "Sent. Being kept safe…";
    }

    arrive() {
      this.bar.hidden = true;
      this.name("uploads");
      this.row.classList.add("arrived");
      this.become("whole", `${size(this.file.size)}, arrived safely`);
    }

    fail(error) {
      const status = error.originalResponse?.getStatus() || 0;
      this.onKnown?.();
      if (!status || (status >= 500 && status !== 507) || MAY_BE_TRIED_AGAIN.includes(status)) {
        setTimeout(() => this.sender.goOn(), LOOK_AGAIN_AFTER);
        this.become("stopped", "The line is away. What arrived is kept; it goes on when the line is back.");
        return;
      }
      if (GONE.includes(status) && error.originalRequest.getMethod() === "HEAD") {
        this.url = null;
        this.start();
        return;
      }
      this.refuse(status, error.originalResponse.getBody());
    }

    refuse(status, words) {
      if (status === 401 || status === 403) {
        this.become("paused", "You are signed out. What arrived is kept: open this page again and choose the same file.");
        return;
      }
      try { words = JSON.parse(words).message; } catch { /* it is the sentence itself */ }
      if (!words || words.length > 300) words = "This file cannot be taken.";
      this.row.classList.add("refused");
      this.told.className = "error";
      this.bar.hidden = true;
      this.url = null;
      this.name();
      this.become("refused", words);
    }

    pause() {
      this.upload?.abort();
      this.become("paused", `Paused at ${size(this.bar.value)} of ${size(this.file.size)}`);
    }

    resume() {
      this.asked = true;
      this.start();
    }

    async remove() {
      const next = this.row.nextElementSibling?.querySelector("button") || this.sender.input;
      await this.upload?.abort();
      const { url } = this;
      this.row.remove();
      this.sender.forget(this);
      next.focus();
      if (url) fetch(url, { method: "DELETE", headers: { ...this.sender.headers(), "Tus-Resumable": "1.0.0" } });
    }
  }

  // The place of a form where files are chosen.
  class Sender {
    constructor(field) {
      this.field = field;
      this.input = field.querySelector("input[type=file]");
      this.list = field.querySelector("[data-arrivals]");
      this.endpoint = field.dataset.endpoint;
      this.arrivals = [];
      this.input.removeAttribute("data-chosen");
      field.querySelector("[data-plain-limit]").hidden = true;
      field.querySelector("[data-resumable-help]").hidden = false;
      field.querySelectorAll("[data-remove]").forEach((button) => { button.hidden = false; });
      field.addEventListener("click", (event) => this.holdBack(event));
      this.input.addEventListener("change", () => this.take([...this.input.files]));
      this.list.addEventListener("click", (event) => this.drop(event));
      line?.addEventListener?.("change", () => this.next());
      addEventListener("online", () => this.goOn());
      this.hint();
    }

    headers() { return JSON.parse(document.body.getAttribute("hx-headers") || "{}"); }

    hint() {
      const note = this.field.querySelector("[data-metered]");
      if (note) note.hidden = !isMetered();
    }

    take(files) {
      this.tell("");
      this.input.value = "";
      for (const file of files) {
        if (this.isFull() && !this.unfinished(file)) {
          this.tell(`At most ${this.field.dataset.most} files. “${file.name}” was not added.`);
          continue;
        }
        const row = this.unfinished(file);
        const arrival = new Arrival(this, file, row);
        if (!row) this.list.append(arrival.row);
        this.arrivals.push(arrival);
        if (isMetered()) arrival.told.textContent = `${size(file.size)}, waits for Wi-Fi`;
      }
      this.next();
    }

    unfinished(file) {
      return [...this.list.querySelectorAll(".unfinished")].find(({ dataset }) =>
        Number(dataset.size) === file.size && isSame(dataset.metadata, file));
    }

    isFull() { return this.list.querySelectorAll("li:not(.refused)").length >= Number(this.field.dataset.most); }

    announce(words) { this.field.querySelector("[data-announces]").textContent = words; }

    tell(words) {
      const said = this.field.querySelector("[data-said]");
      said.textContent = words;
      said.hidden = !words;
    }

    next() {
      this.hint();
      let sending = this.arrivals.filter(({ state }) => state === "sending").length;
      for (const arrival of this.arrivals) {
        if (sending >= AT_ONCE) return;
        if (arrival.state !== "waiting" || (isMetered() && !arrival.asked)) continue;
        arrival.start();
        sending += 1;
      }
    }

    goOn() { this.arrivals.filter(({ state }) => state === "stopped").forEach((arrival) => arrival.start()); }

    changed() {
      const arriving = this.isArriving();
      const later = this.whenComplete();
      if (later) later.hidden = !arriving && !this.list.querySelector(".unfinished");
      if (!arriving && this.handsIn) {
        this.handsIn = false;
        this.field.querySelector("[data-hands-in]").hidden = true;
        this.field.closest("form").requestSubmit();
        return;
      }
      queueMicrotask(() => this.next());
    }

    isArriving() { return this.arriving().length > 0; }

    arriving() {
      return this.arrivals.filter(({ state }) => ["waiting", "sending", "paused", "stopped"].includes(state));
    }

    whenComplete() { return this.field.closest("form")?.querySelector("[data-when-complete]"); }

    // Goes on with what another form had under way: the page was drawn anew, and names what it knows of.
    adopt(other) {
      for (const arrival of other.arrivals.filter(({ state }) => state !== "whole")) {
        const name = nameOf(arrival.url);
        const row = name && [...this.list.children].find(({ dataset }) => nameOf(dataset.url) === name);
        if (row) row.replaceWith(arrival.row);
        else this.list.append(arrival.row);
        arrival.sender = this;
        this.arrivals.push(arrival);
      }
      other.arrivals = [];
      this.changed();
    }

    // Leaves it to the portal to hand in when all is whole; where the portal cannot be told, this page does it.
    async handOver() {
      const later = this.whenComplete();  // staff have no such button: their page stays open until all is here
      const known = later ? await Promise.all(this.arriving().map((arrival) => arrival.announce())) : [false];
      await new Promise((next) => { setTimeout(next); });  // a form that is being submitted cannot be submitted
      const form = this.field.closest("form");
      if (known.every(Boolean)) {
        this.passes = true;
        later.click();
        this.passes = false;
      } else if (this.isArriving()) {
        this.handsIn = true;
        const words = form.querySelector("[data-hands-in]");
        if (words) { words.hidden = false; words.focus(); }
      }
    }

    forget(arrival) {
      this.tell("");
      this.arrivals = this.arrivals.filter((each) => each !== arrival);
      this.changed();
    }

    // What was to be handed in by itself waits for its student again.
    holdBack(event) {
      if (!event.target.closest("[data-holds-back]")) return;
      this.handsIn = false;
      this.field.querySelector("[data-hands-in]").hidden = true;
      this.field.closest("form").querySelector("[type=submit]").focus();
    }

    // An upload that the page itself lists is removed here; one that this page began knows how.
    drop(event) {
      const remove = event.target.closest("[data-remove]");
      if (!remove) return;
      const row = remove.closest("li");
      fetch(row.dataset.url, { method: "DELETE", headers: { ...this.headers(), "Tus-Resumable": "1.0.0" } });
      row.remove();
      this.input.focus();
    }
  }

  const senders = new Set();
  const ready = (root) => (root.matches?.("[data-resumable]") ? [root] : [...root.querySelectorAll("[data-resumable]")])
    .forEach((field) => {
      if (field.dataset.ready) return;
      field.dataset.ready = "true";
      const sender = new Sender(field);
      const gone = [...senders].filter((other) => !other.field.isConnected);
      senders.add(sender);
      gone.forEach((other) => { senders.delete(other); sender.adopt(other); });
    });
  const senderOf = (form) => [...senders].find(({ field }) => field.isConnected && form.contains(field));

  // Nothing is handed in without a file that was not taken, nor while one arrives: then it hands itself in.
  const hold = (event) => {
    const sender = event.target.matches?.("form") && senderOf(event.target);
    const refused = sender?.arrivals.find(({ state }) => state === "refused");
    if (refused) {
      event.preventDefault();
      event.stopPropagation();
      sender.tell(`“${refused.file.name}” is not taken. Remove it, then hand in.`);
      refused.actions.querySelector("button").focus();
      return;
    }
    if (!sender?.isArriving() || sender.passes) return;
    event.preventDefault();
    event.stopPropagation();
    sender.handOver();
  };
  document.addEventListener("submit", hold, true);
  document.addEventListener("htmx:load", ({ target }) => ready(target));
  addEventListener("beforeunload", (event) => {
    if ([...senders].some((sender) => sender.field.isConnected && sender.isArriving())) event.preventDefault();
  });
  ready(document);
})();
