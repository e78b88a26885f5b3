// Hide the page, since nobody looks at it: otherwise the browser lays out and draws each change.
(() => {
  const unseen = new CSSStyleSheet();
  unseen.replaceSync('html { content-visibility: hidden }');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, unseen];
})();
