// One file that is sent piece by piece, and goes on where it stopped: after a dropped line, a closed tab, on another day.
(() => {
  const { size, span } = window.portalWords;
  // Not at once: what the broken line had brought must be on the disk before one asks how far it is.
  const RETRIES = [1000, 2000, 3000, 5000, 10000, 20000, 40000, 60000];
  // A browser repeats by itself what a reset line cut off, from where it no longer is: that costs one piece at most.
  // So a piece is what the line brings in a few seconds.
  const SMALLEST_PIECE = 256 * 1024;
  const LARGEST_PIECE = 2 * 1024 * 1024;
  const PIECE_SECONDS = 4;
  const LOOK_AGAIN_AFTER = 60000;
  const MAY_BE_TRIED_AGAIN = [409, 423, 429, 460];
  const ENDED = 410;
  const GONE = [404, ENDED];

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
  // Sent again with its key, a beginning whose answer was lost is the same upload.
  const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
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
      this.key = newKey();
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
        "Idempotency-Key": this.key,
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
        onBeforeRequest: (request) => {
          if (request.getMethod() === "POST") request.setHeader("Idempotency-Key", this.key);
        },
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
      const asked = error.originalRequest?.getMethod();
      if ((asked === "HEAD" && GONE.includes(status)) || (asked === "POST" && status === ENDED)) {
        this.url = null;
        this.key = newKey();
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

  window.portalArrivals = { Arrival, isSame, nameOf, line, isMetered };
})();
