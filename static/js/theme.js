// Light or dark by hand; a cookie, so that the next page comes in the chosen theme from the start.
(() => {
  const root = document.documentElement;
  const button = document.querySelector("[data-theme-switch]");
  if (!button) return;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = (theme) => {
    root.dataset.theme = theme;
    button.setAttribute("aria-label", theme === "dark" ? "Use the light theme" : "Use the dark theme");
  };
  const chosen = () => document.cookie.match(/(?:^|; )theme=(light|dark)/)?.[1];
  const follow = () => show(chosen() || (system.matches ? "dark" : "light"));
  follow();
  system.addEventListener("change", follow);
  button.classList.add("ready");
  button.addEventListener("click", () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    show(theme);
  });
})();
