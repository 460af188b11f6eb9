/* Light, dark, or as the system has it: set before the first paint, so that nothing flashes; remembered by the browser.
 *
 * A classic script, because a module would run after the first paint.
 */
"use strict";

(() => {
  const KEY = "shipper-theme";
  const THEMES = ["auto", "light", "dark"];

  const remembered = () => {
    try {
      return THEMES.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "auto";
    } catch {
      return "auto"; // storage is forbidden: the switch works until the page is left
    }
  };

  const remember = (theme) => {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // as above
    }
  };

  let theme = remembered();
  const apply = (button) => {
    document.documentElement.dataset.theme = theme;
    if (button) button.textContent = `Theme: ${theme}`;
  };
  apply();

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    apply(button);
    button.addEventListener("click", () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      remember(theme);
      apply(button);
    });
  });
})();
