// Nobody looks at the page: without this it lays out and draws each change all the same.
(() => {
  const unseen = new CSSStyleSheet();
  unseen.replaceSync('html { content-visibility: hidden }');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, unseen];
})();
