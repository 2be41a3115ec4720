// MathJax's settings; read by it when it loads.
window.MathJax = {
  tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]], displayMath: [["$$", "$$"], ["\\[", "\\]"]], processEscapes: true },
  svg: { fontCache: "local" }, // every formula on its own, so that the speaker's window can copy it
  options: { enableMenu: false, ignoreHtmlClass: "rlx|code|printed" },
  startup: { typeset: false },
};
