// The clock of a quiz is the server's: what is left is counted from its moment, so it is right after a sleep of the
// device. Answers that the line did not carry are sent again.
(() => {
  const clock = document.querySelector("[data-ends-at]");
  if (!clock) return;
  const RELOAD_AFTER = 12; // seconds after the end: by then the server takes nothing more and hands in
  const AGAIN_AFTER = 4000; // milliseconds
  const WARNINGS = [[0, "The time is over."], [60, "1 minute left."], [300, "5 minutes left."]]; // seconds left
  const ahead = new Date(clock.dataset.now) - Date.now();
  const end = new Date(clock.dataset.endsAt) - ahead;
  const left = clock.querySelector("[data-left]");
  const says = clock.querySelector("[data-says]");
  const two = (number) => String(number).padStart(2, "0");
  let told = Infinity;
  let reloaded = false;

  const renew = () => {
    const seconds = Math.ceil((end - Date.now()) / 1000);
    const rest = Math.max(seconds, 0);
    const hours = Math.floor(rest / 3600);
    const minutes = Math.floor((rest % 3600) / 60);
    left.textContent = rest < 86400 ? `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(rest % 60)} left` : "";
    clock.classList.toggle("soon", rest <= 300 && rest > 0);
    clock.classList.toggle("over", rest === 0);
    // The nearest warning counts: a page that is opened in the last minute says that one alone.
    const [at, words] = WARNINGS.find(([at]) => seconds <= at) ?? [];
    if (words && at < told) [told, says.textContent] = [at, words];
    if (seconds <= -RELOAD_AFTER && !reloaded) {
      reloaded = true;
      location.replace(location.pathname.replace(/\/(hand-in|answers)$/, ""));
    }
  };
  renew();
  setInterval(renew, 500);
  document.addEventListener("visibilitychange", renew);

  const form = document.getElementById("quiz");
  if (!form) return;
  form.querySelectorAll("[data-without-script]").forEach((button) => { button.hidden = true; });
  const line = (question) => question.querySelector(".saved");
  const failed = ({ detail }) => {
    const question = (detail.requestConfig?.elt ?? detail.elt).closest(".question");
    if (!question) return;
    line(question).textContent = "Not saved yet: the line dropped. It is tried again.";
    line(question).classList.add("problem");
    setTimeout(() => window.htmx.trigger(question, "change"), AGAIN_AFTER);
  };
  ["htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, failed));
  document.addEventListener("htmx:responseError", ({ detail }) => {
    const question = (detail.requestConfig?.elt ?? detail.elt).closest(".question");
    if (question) line(question).textContent = "Not saved. Open the quiz again.";
  });
})();
