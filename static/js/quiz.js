// The clock of a quiz is the server's: what is left is counted from its moment, so it is right after a sleep of the
// device. Answers that the line did not carry are sent again, and no page is left before the portal is there.
(() => {
  const clock = () => document.querySelector("[data-ends-at]"); // another one comes where the end has moved
  if (!clock()) return;
  const RELOAD_AFTER = 12; // seconds after the end: by then the server takes nothing more and hands in
  const AGAIN_AFTER = 4000; // milliseconds
  const AWAY = [502, 503, 504]; // what stands in front of the portal answers so while it is away
  const WARNINGS = [[0, "The time is over."], [60, "1 minute left."], [300, "5 minutes left."]]; // seconds left
  const ahead = new Date(clock().dataset.now) - Date.now();
  const attempt = location.pathname.replace(/\/(hand-in|answers)$/, "");
  const two = (number) => String(number).padStart(2, "0");
  let told = Infinity;
  let leaving = false;

  const leave = async () => {
    leaving = true;
    const answer = await fetch(attempt, { method: "HEAD" }).catch(() => null);
    if (answer?.ok) location.replace(attempt);
    else setTimeout(leave, AGAIN_AFTER);
  };
  const renew = () => {
    const bar = clock();
    const seconds = Math.ceil((new Date(bar.dataset.endsAt) - ahead - Date.now()) / 1000);
    const rest = Math.max(seconds, 0);
    const hours = Math.floor(rest / 3600);
    const minutes = Math.floor((rest % 3600) / 60);
    bar.querySelector("[data-left]").textContent = rest < 86400 ? `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(rest % 60)} left` : "";
    bar.classList.toggle("soon", rest <= 300 && rest > 0);
    bar.classList.toggle("over", rest === 0);
    // The nearest warning counts: a page that is opened in the last minute says that one alone.
    const [at, words] = WARNINGS.find(([at]) => seconds <= at) ?? [];
    if (words && at < told) [told, bar.querySelector("[data-says]").textContent] = [at, words];
    if (seconds <= -RELOAD_AFTER && !leaving) leave();
  };
  renew();
  setInterval(renew, 500);
  document.addEventListener("visibilitychange", renew);

  const form = document.getElementById("quiz");
  if (!form) return;
  form.querySelectorAll("[data-without-script]").forEach((button) => { button.hidden = true; });
  document.addEventListener("quiz:save", ({ detail }) => {
    if (detail.ends_at === clock().dataset.endsAt) return;
    told = Infinity;
    window.htmx.ajax("GET", attempt, { target: ".quiz-time", select: ".quiz-time", swap: "outerHTML" });
  });
  const line = (question) => question.querySelector(".saved");
  const failed = ({ detail }) => {
    const question = (detail.requestConfig?.elt ?? detail.elt).closest(".question");
    if (!question) return;
    line(question).textContent = "Not saved yet: the portal was not reached. It is tried again.";
    line(question).classList.add("problem");
    setTimeout(() => window.htmx.trigger(question, "change"), AGAIN_AFTER);
  };
  ["htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, failed));
  document.addEventListener("htmx:responseError", ({ detail }) => {
    if (AWAY.includes(detail.xhr.status)) return failed({ detail });
    const question = (detail.requestConfig?.elt ?? detail.elt).closest(".question");
    if (question) line(question).textContent = "Not saved. Open the quiz again.";
  });
})();
