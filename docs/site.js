// What the theme leaves out for people who do not see the page, or use the keyboard.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll('[role="dialog"]:not([aria-label])').forEach((dialog) => dialog.setAttribute("aria-label", "Search"));
  document.querySelectorAll("nav[aria-labelledby]").forEach((nav, k) => {
    const name = document.getElementById(nav.getAttribute("aria-labelledby"))?.textContent.trim() || String(k + 1);
    nav.removeAttribute("aria-labelledby");
    nav.setAttribute("aria-label", `Pages of ${name}`);
  });
  document.querySelectorAll('nav[aria-label="Table of contents"]').forEach((nav, k) => {
    if (k) nav.setAttribute("aria-label", `Table of contents ${k + 1}`);
  });
  // code and tables may be wider than the page, and then scroll
  document.querySelectorAll("pre > code, .highlight-ipynb, .md-typeset__table").forEach((part) => part.setAttribute("tabindex", "0"));
  nameCopyButtons();
  new MutationObserver(nameCopyButtons).observe(document.body, { childList: true, subtree: true });
});

/** The theme adds buttons that copy code later, each in a part of navigation of its own. */
function nameCopyButtons() {
  document.querySelectorAll("nav.md-code__nav:not([aria-label])").forEach((nav) => {
    nav.setAttribute("aria-label", `Code ${document.querySelectorAll("nav.md-code__nav[aria-label]").length + 1}`);
  });
}
