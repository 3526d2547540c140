// A review by keyboard: the player has its keys while it has the focus; n pauses and opens the note at this frame.
(() => {
  const STEP = { j: -10, l: 10, ArrowLeft: -5, ArrowRight: 5 };
  const POINT = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] };
  const players = () => [...document.querySelectorAll(".review[tabindex]")];
  const mediaOf = (player) => player?.querySelector("video, audio");
  const noteForm = () => document.getElementById("note-form");
  const typing = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
  let last = null;

  const clock = (seconds) => {
    const all = Math.round(seconds * 1000);
    const [hours, minutes] = [Math.floor(all / 3600000), Math.floor(all / 60000) % 60];
    const rest = `${String(Math.floor(all / 1000) % 60).padStart(2, "0")}.${String(all % 1000).padStart(3, "0")}`;
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
  };

  const seek = (media, seconds) => {
    media.currentTime = Math.max(0, Math.min(seconds, media.duration || seconds));
  };

  // A little behind the beginning of a frame: there every browser shows that frame and not the one before.
  const step = (player, frames) => {
    const media = mediaOf(player);
    const rate = Number(player.dataset.rate);
    if (!rate) return;
    media.pause();
    seek(media, (Math.floor(media.currentTime * rate + 0.02) + frames) / rate + 0.0005);
  };

  // What a note says of the time: where the frame that is shown begins.
  const shownAt = (player) => {
    const [time, rate] = [mediaOf(player).currentTime, Number(player.dataset.rate)];
    return rate ? Math.floor(time * rate + 0.02) / rate : time;
  };

  const pointOf = (player) => (player.dataset.point || "500,500").split(",").map(Number);
  const setPoint = (player, x, y) => {
    const [left, top] = [x, y].map((share) => Math.round(Math.max(0, Math.min(1000, share))));
    player.dataset.point = `${left},${top}`;
    const mark = player.querySelector("[data-point]");
    if (!mark) return;
    const sheet = mark.ownerSVGElement.viewBox.baseVal;
    mark.setAttribute("transform", `translate(${left * sheet.width / 1000} ${top * sheet.height / 1000})`);
    mark.removeAttribute("hidden");
  };

  const openNote = (player) => {
    const form = noteForm();
    if (!form) return;
    const media = mediaOf(player);
    media?.pause();
    last = player;
    form.elements.position.value = player.dataset.position;
    if (media) form.elements.place.value = clock(shownAt(player));
    else if (player.dataset.review === "image") {
      setPoint(player, ...pointOf(player));
      form.elements.place.value = pointOf(player).map((share) => share / 10).join(", ");
    }
    form.elements.text.focus();
  };

  const playerKey = (player, event) => {
    const media = mediaOf(player);
    const { key } = event;
    if (key === "n") openNote(player);
    else if (key === "Escape") player.contains(document.activeElement) && document.activeElement.blur();
    else if (media && (key === "k" || key === " ")) media.paused ? media.play() : media.pause();
    else if (media && key in STEP) seek(media, media.currentTime + STEP[key]);
    else if (media && (key === "," || key === ".")) step(player, key === "," ? -1 : 1);
    else if (player.dataset.review === "image" && key in POINT) {
      const [x, y] = pointOf(player);
      setPoint(player, x + POINT[key][0], y + POINT[key][1]);
    } else return false;
    return true;
  };

  const noteKey = (event) => {
    const form = event.target.closest("#note-form");
    if (form && event.ctrlKey && event.key === "Enter") form.requestSubmit();
    else if (event.key === "Escape" && last) last.focus();
    else return false;
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey) return;
    const player = event.target.closest?.(".review[tabindex]");
    const pressed = event.target.closest?.("a, button, summary, [data-zoom]");
    let done = false;
    if (event.target.closest?.("#notes") && typing(event.target)) done = noteKey(event);
    else if (event.ctrlKey || event.shiftKey || typing(event.target)) return;
    else if (event.key === "v") {
      const all = players();
      if (!all.length) return;
      last = all[(all.indexOf(player || last) + (player || !last ? 1 : 0)) % all.length];
      last.focus();
      done = true;
    } else if (player && !(pressed && (event.key === " " || event.key === "Enter"))) done = playerKey(player, event);
    if (done) event.preventDefault();
  }, true);

  document.addEventListener("focusin", ({ target }) => {
    const player = target.closest?.(".review[tabindex]");
    if (player) last = player;
  });

  document.addEventListener("click", (event) => {
    const { target } = event;
    const page = target.closest("[data-note-page]");
    if (page && noteForm()) {
      const { position, place, text } = noteForm().elements;
      position.value = page.closest(".review").dataset.position;
      place.value = `page ${page.dataset.notePage}`;
      text.focus();
      return;
    }
    const place = target.closest("[data-seek], [data-point-at]");
    const original = target.closest("[data-original]");
    if (place) {
      const note = place.closest("[data-note]");
      const player = document.querySelector(`.review[data-position="${CSS.escape(note.dataset.position)}"]`);
      if (!player) return;
      event.preventDefault();
      const media = mediaOf(player);
      if (media && place.dataset.seek) {
        media.pause();
        seek(media, Number(place.dataset.seek) / 1000 + 0.0005);
      }
      player.querySelectorAll("circle").forEach((mark) => mark.classList.toggle("is-shown", mark.dataset.of === note.dataset.note));
      player.focus({ preventScroll: true });
      player.scrollIntoView({ block: "nearest" });
    } else if (original) {
      const player = original.closest(".review");
      const shown = player.querySelector("video, audio, img");
      event.preventDefault();
      const [at, next] = [shown.currentTime || 0, original.href];
      original.href = original.dataset.original;
      original.dataset.original = next;
      shown.src = next;
      if ("currentTime" in shown) seek(shown, at);
      const words = original.dataset.words || original.textContent;
      original.dataset.words = words;
      original.textContent = original.textContent === words ? "Show the small copy again" : words;
      player.focus();
    } else if (target.matches(".review-sheet img")) {
      const box = target.getBoundingClientRect();
      const player = target.closest(".review");
      setPoint(player, (event.clientX - box.left) * 1000 / box.width, (event.clientY - box.top) * 1000 / box.height);
      player.focus({ preventScroll: true });
    }
  });

  // After a note was put there the player goes on having the keys; after an answer or a tick the note keeps the focus.
  document.addEventListener("htmx:afterSettle", ({ target, detail }) => {
    if (target.id !== "notes") return;
    offer(target);
    if (detail.xhr?.status !== 200) return;
    const [, note, what] = /\/notes(?:\/([0-9a-f-]+)\/(answers|tick))?(?:\?|$)/.exec(detail.requestConfig?.path || "") || [];
    if (!note) return last?.isConnected && last.focus({ preventScroll: true });
    const item = document.getElementById(`note-${note}`);
    const answer = item?.querySelector(".note-answer");
    if (answer && what === "answers") answer.open = false;
    item?.querySelector(what === "tick" ? "form button" : "summary")?.focus({ preventScroll: true });
  });

  // A voice instead of many words: recorded here, sent with the form like any file.
  const offer = (root) => root.querySelectorAll("[data-record]").forEach((button) => {
    button.hidden = !(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);
  });
  let recorder = null;
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-record]");
    if (!button) return;
    if (recorder?.state === "recording") return recorder.stop();
    const says = document.getElementById("voice-says");
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const kind = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"].find((each) => MediaRecorder.isTypeSupported(each));
      const pieces = [];
      recorder = new MediaRecorder(stream, { mimeType: kind, audioBitsPerSecond: 24000 });
      recorder.addEventListener("dataavailable", ({ data }) => pieces.push(data));
      recorder.addEventListener("stop", () => {
        stream.getTracks().forEach((track) => track.stop());
        const ending = recorder.mimeType.includes("ogg") ? "ogg" : recorder.mimeType.includes("mp4") ? "m4a" : "webm";
        const chosen = new DataTransfer();
        chosen.items.add(new File(pieces, `voice.${ending}`, { type: recorder.mimeType }));
        const input = noteForm().elements.voice;
        input.files = chosen.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
        button.textContent = "Record again";
        says.textContent = `Recorded, ${Math.ceil(chosen.files[0].size / 1000)} KB. It is sent with the note.`;
      });
      recorder.start();
      button.textContent = "Stop recording";
      says.textContent = "Recording…";
    } catch {
      says.textContent = "The browser does not let this page record. Choose a recorded file instead.";
    }
  });
  offer(document);
  document.querySelectorAll("[data-note-page]").forEach((button) => { button.hidden = !noteForm(); });
})();
