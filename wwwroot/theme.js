// This script runs before the page is drawn, so that a dark console never flashes white.
(() => {
  const key = "mlsconsole-theme";
  const system = () => window.matchMedia("(prefers-color-scheme: dark)").matches;
  const apply = dark => { document.documentElement.dataset.theme = dark ? "dark" : "light"; return dark; };
  let stored = null;
  try {
    stored = localStorage.getItem(key);
  } catch {
    // The browser forbids storage; the system's theme is taken.
  }
  apply(stored ? stored === "dark" : system());
  window.consoleTheme = {
    isDark: () => document.documentElement.dataset.theme === "dark",
    set: dark => {
      try {
        localStorage.setItem(key, dark ? "dark" : "light");
      } catch {
        // The browser forbids storage; the choice holds for this page only.
      }
      return apply(dark);
    },
  };
})();
