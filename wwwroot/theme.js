// Runs before anything is drawn, so that a dark console never flashes white.
(() => {
  const key = "mlsconsole-theme";
  const system = () => window.matchMedia("(prefers-color-scheme: dark)").matches;
  const apply = dark => { document.documentElement.dataset.theme = dark ? "dark" : "light"; return dark; };
  let stored = null;
  try { stored = localStorage.getItem(key); } catch { /* storage may be forbidden; then the system decides */ }
  apply(stored ? stored === "dark" : system());
  window.consoleTheme = {
    isDark: () => document.documentElement.dataset.theme === "dark",
    set: dark => {
      try { localStorage.setItem(key, dark ? "dark" : "light"); } catch { /* for this page only */ }
      return apply(dark);
    },
  };
})();
