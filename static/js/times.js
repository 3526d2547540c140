// Keeps "in 12 minutes" true while a page stays open, and says dates in words beside their fields.
(() => {
  const plural = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const renew = () => document.querySelectorAll("time[data-relative]").forEach((time) => {
    const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
    const distance = Math.abs(seconds);
    if (distance >= 86400) return;
    if (distance < 60) {
      time.textContent = seconds > 0 ? "in a moment" : "just now";
      return;
    }
    const minutes = Math.floor(distance / 60);
    const words = minutes < 60 ? plural(minutes, "minute") : plural(Math.floor(minutes / 60), "hour");
    time.textContent = seconds > 0 ? `in ${words}` : `${words} ago`;
  });
  setInterval(renew, 30000);

  const wholeDay = new Intl.DateTimeFormat("en-GB", {
    weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC",
  });
  const inWords = (input) => {
    const place = document.getElementById(input.dataset.inWords);
    if (!place) return;
    const [day, clock] = input.value.split("T");
    const date = day && new Date(`${day}T00:00:00Z`);
    const words = date && !isNaN(date) && wholeDay.format(date).replace(",", "");
    place.textContent = words ? words + (clock ? `, ${clock.slice(0, 5)}` : "") : "";
  };
  const all = (root) => root.querySelectorAll?.("[data-in-words]").forEach(inWords);
  all(document);
  document.addEventListener("input", ({ target }) => { if (target.dataset?.inWords) inWords(target); });
  document.addEventListener("htmx:load", ({ target }) => all(target));
})();
