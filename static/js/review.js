// A review by keyboard: the player has its keys while it has the focus; n pauses and opens the note at this frame or point.
(() => {
  const STEP = { j: -10, l: 10, ArrowLeft: -5, ArrowRight: 5 };
  const POINT = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] };
  const PLAYER = ".review[data-player]";
  const players = () => [...document.querySelectorAll(PLAYER)];
  const playerAt = (position) => document.querySelector(`${PLAYER}[data-position="${CSS.escape(position)}"]`);
  const focus = (player, options) => (player?.querySelector(".review-pages") || player)?.focus(options);
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

  // A sheet is a picture or a page of a document. The point that is meant is on one sheet of a player at a time.
  const sheetsOf = (player) => [...player.querySelectorAll(".review-sheet")];
  const sheetAt = (player, page) => sheetsOf(player).find((sheet) => sheet.dataset.page === page);
  const markOf = (sheet) => sheet.querySelector("[data-point]");
  const isPointed = (sheet) => markOf(sheet)?.hasAttribute("hidden") === false;
  const pointOf = (sheet) => (markOf(sheet)?.dataset.point || "500,500").split(",").map(Number);
  const inPercent = (point) => point.map((share) => share / 10);

  const setPoint = (sheet, x, y) => {
    const mark = markOf(sheet);
    if (!mark) return;
    const point = [x, y].map((share) => Math.round(Math.max(0, Math.min(1000, share))));
    mark.dataset.point = point;
    ["x", "y"].forEach((side, index) => mark.setAttribute(side, `${inPercent(point)[index]}%`));
    showPoint(sheet.closest(PLAYER), sheet);
  };

  const showPoint = (player, sheet) => sheetsOf(player).forEach((each) => {
    markOf(each)?.toggleAttribute("hidden", each !== sheet);
    const button = each.parentElement.querySelector("[data-note-page]");
    if (button) button.textContent = `Note ${each === sheet ? "at this point of" : "on"} page ${each.dataset.page}`;
  });

  // The one that was pointed at, as long as it is in view; else the one in the middle of the view.
  const sheetOf = (player) => {
    const sheets = sheetsOf(player);
    const view = player.querySelector(".review-pages")?.getBoundingClientRect();
    if (!view) return sheets[0];
    const isSeen = (box) => box.bottom > view.top && box.top < view.bottom;
    const pointed = sheets.find(isPointed);
    if (pointed && isSeen(pointed.getBoundingClientRect())) return pointed;
    const away = (sheet) => {
      const box = sheet.getBoundingClientRect();
      return Math.abs(box.top + box.bottom - view.top - view.bottom);
    };
    return sheets.reduce((nearest, sheet) => (away(sheet) < away(nearest) ? sheet : nearest));
  };

  const movePoint = (sheet, [right, down]) => {
    const [x, y] = pointOf(sheet);
    setPoint(sheet, x + right, y + down);
    markOf(sheet)?.scrollIntoView({ block: "nearest" });
  };

  const turn = (player, pages) => {
    const sheets = sheetsOf(player);
    const sheet = sheets[sheets.indexOf(sheetOf(player)) + pages];
    if (!sheet) return;
    setPoint(sheet, ...pointOf(sheet));
    (markOf(sheet) || sheet).scrollIntoView({ block: "center" });
  };

  const placeOn = (sheet) => {
    const point = inPercent(pointOf(sheet)).join(", ");
    return sheet.dataset.page ? `page ${sheet.dataset.page} at ${point}` : point;
  };

  const putPlace = (player, place) => {
    const form = noteForm();
    if (!form) return;
    last = player;
    form.elements.position.value = player.dataset.position;
    form.elements.place.value = place;
  };

  const openNote = (player, place = null) => {
    const [media, sheet] = [mediaOf(player), sheetOf(player)];
    if (!noteForm()) return;
    media?.pause();
    if (!media && place === null) setPoint(sheet, ...pointOf(sheet));
    putPlace(player, place ?? (media ? clock(shownAt(player)) : placeOn(sheet)));
    noteForm().elements.text.focus();
  };

  // What was put there or ticked in the list shows on its sheet at once.
  const drawPins = () => document.querySelectorAll("#notes [data-point-at]").forEach((place) => {
    const note = place.closest("[data-note]");
    const player = playerAt(note.dataset.position);
    const pins = player && sheetAt(player, place.dataset.pageAt)?.querySelector("svg");
    if (!pins) return;
    const pinOf = () => pins.querySelector(`[data-of="${note.dataset.note}"]`);
    if (!pinOf()) pins.insertAdjacentHTML("afterbegin", `<svg data-of="${note.dataset.note}"><circle r="11"/><text dy=".35em"/></svg>`);
    inPercent(place.dataset.pointAt.split(",")).forEach((share, index) => pinOf().setAttribute("xy"[index], `${share}%`));
    pinOf().setAttribute("class", `pin ${note.dataset.state}`);
    pinOf().lastElementChild.textContent = note.querySelector(".note-number").textContent;
  });

  const goTo = (note, place) => {
    const player = playerAt(note.dataset.position);
    if (!player) return false;
    const media = mediaOf(player);
    if (media && place.dataset.seek) {
      media.pause();
      seek(media, Number(place.dataset.seek) / 1000 + 0.0005);
    }
    player.querySelectorAll(".pin").forEach((pin) => pin.classList.toggle("is-shown", pin.dataset.of === note.dataset.note));
    focus(player, { preventScroll: true });
    player.scrollIntoView({ block: "nearest" });
    const shown = player.querySelector(".pin.is-shown") || (place.dataset.pageAt && sheetAt(player, place.dataset.pageAt));
    shown?.scrollIntoView({ block: "nearest" });
    return true;
  };

  const playerKey = (player, event) => {
    const media = mediaOf(player);
    const { key } = event;
    if (key === "n") openNote(player);
    else if (key === "Escape") player.contains(document.activeElement) && document.activeElement.blur();
    else if (media && (key === "k" || key === " ")) media.paused ? media.play() : media.pause();
    else if (media && key in STEP) seek(media, media.currentTime + STEP[key]);
    else if (key === "," || key === ".") (media ? step : turn)(player, key === "," ? -1 : 1);
    else if (!media && noteForm() && key in POINT) movePoint(sheetOf(player), POINT[key]);
    else return false;
    return true;
  };

  const noteKey = (event) => {
    const form = event.target.closest("#note-form");
    if (form && event.ctrlKey && event.key === "Enter") form.requestSubmit();
    else if (event.key === "Escape" && last) focus(last);
    else return false;
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey) return;
    const player = event.target.closest?.(PLAYER);
    const pressed = event.target.closest?.("a, button, summary, [data-zoom]");
    let done = false;
    if (event.target.closest?.("#notes") && typing(event.target)) done = noteKey(event);
    else if (event.ctrlKey || event.shiftKey || typing(event.target)) return;
    else if (event.key === "v") {
      const all = players();
      if (!all.length) return;
      last = all[(all.indexOf(player || last) + (player || !last ? 1 : 0)) % all.length];
      focus(last);
      done = true;
    } else if (player && !(pressed && (event.key === " " || event.key === "Enter"))) done = playerKey(player, event);
    if (done) event.preventDefault();
  }, true);

  document.addEventListener("focusin", ({ target }) => {
    const player = target.closest?.(PLAYER);
    if (player) last = player;
  });

  document.addEventListener("click", (event) => {
    const { target } = event;
    const note = target.closest("[data-note-here], [data-note-page]");
    const place = target.closest("[data-seek], [data-point-at], [data-page-at]");
    const pin = target.closest(".pin");
    const original = target.closest("[data-original]");
    if (note) {
      const player = note.closest(PLAYER);
      const page = note.dataset.notePage;
      openNote(player, page && !isPointed(sheetAt(player, page)) ? `page ${page}` : null);
    } else if (place) {
      if (goTo(place.closest("[data-note]"), place)) event.preventDefault();
    } else if (pin) {
      window.location.hash = `note-${pin.dataset.of}`;
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
      const [box, sheet] = [target.getBoundingClientRect(), target.closest(".review-sheet")];
      const player = target.closest(PLAYER);
      focus(player, { preventScroll: true });
      if (!markOf(sheet)) return;
      setPoint(sheet, (event.clientX - box.left) * 1000 / box.width, (event.clientY - box.top) * 1000 / box.height);
      putPlace(player, placeOn(sheet));
    }
  });

  // After a note was put there the player goes on having the keys; after an answer or a tick the note keeps the focus.
  document.addEventListener("htmx:afterSettle", ({ target, detail }) => {
    if (target.id !== "notes") return;
    offer(target);
    drawPins();
    if (detail.xhr?.status !== 200) return;
    const [, note, what] = /\/notes(?:\/([0-9a-f-]+)\/(answers|tick))?(?:\?|$)/.exec(detail.requestConfig?.path || "") || [];
    if (!note) {
      if (!last?.isConnected) return;
      showPoint(last, null);
      return focus(last, { preventScroll: true });
    }
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
  document.querySelectorAll("[data-note-here], [data-note-page]").forEach((button) => { button.hidden = !noteForm(); });
})();
