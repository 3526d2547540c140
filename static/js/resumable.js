// The place of a form where files are chosen, which sends them a few at a time and has the form wait for them.
(() => {
  const { size } = window.portalWords;
  const { Arrival, isSame, nameOf, line, isMetered } = window.portalArrivals;
  const AT_ONCE = 2;

  class Sender {
    constructor(field) {
      this.field = field;
      this.input = field.querySelector("input[type=file]");
      this.list = field.querySelector("[data-arrivals]");
      this.endpoint = field.dataset.endpoint;
      this.arrivals = [];
      const chosen = document.getElementById(this.input.dataset.chosen);
      if (chosen) chosen.hidden = true;
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
      if (this.input.files.length) this.take([...this.input.files]);  // chosen before this script was here
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

    // Of a file that was begun twice, in two windows, the one that is further.
    unfinished(file) {
      return [...this.list.querySelectorAll(".unfinished")]
        .filter(({ dataset }) => Number(dataset.size) === file.size && isSame(dataset.metadata, file))
        .sort((one, other) => other.dataset.offset - one.dataset.offset)[0];
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
