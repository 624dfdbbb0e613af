"use strict";
(function () {
  var root = document.documentElement;
  var buttons = Array.prototype.slice.call(document.querySelectorAll("button[data-lang]"));
  function show(lang) {
    root.lang = lang;
    buttons.forEach(function (b) { b.setAttribute("aria-pressed", String(b.dataset.lang === lang)); });
  }
  buttons.forEach(function (b) {
    b.addEventListener("click", function () { show(b.dataset.lang); });
  });
  document.querySelector(".langs").hidden = false;
})();
