/* A page opened from a folder may not read other pages: the search then lists titles without excerpts. */
if (window.location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

/* What is wider than its column scrolls, and what scrolls can be reached by keyboard. */
function reach() {
  document.querySelectorAll(
    "mjx-container[display], .bd-article pre, .bd-article .cell_output, .bd-article .output, .bd-article div.math, .rlx figure, .pst-scrollable-table-container",
  ).forEach((box) => {
    const wide = box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible";
    if (wide) box.tabIndex = 0;
    else if (box.getAttribute("tabindex") === "0") box.removeAttribute("tabindex");
  });
}
window.addEventListener("load", () => {
  const settled = window.MathJax && window.MathJax.startup ? window.MathJax.startup.promise : Promise.resolve();
  settled.then(reach);
  document.addEventListener("toggle", reach, true);        // a fold was opened
});
window.addEventListener("resize", reach);

/* The policy of the pages allows no script in an attribute, so the theme's button for printing gets its own here. */
document.addEventListener("DOMContentLoaded", () => {
  document.querySelector(".btn-download-pdf-button")?.addEventListener("click", () => window.print());
});
