// Enhancements only: every page works without this file.
(() => {
  "use strict";

  // A form that came back begins at what is wrong with it.
  const wrongs = document.getElementById("wrongs");
  if (wrongs) wrongs.focus();

  // Enter in the search presses its own button, and the page stays where it is.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("#services #q")) return;
    event.preventDefault();
    event.target.parentElement.querySelector("button").click();
  });

  // A second press while the first is on its way would only wait: the server keeps one referral either way.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  // Going back shows the page as it was, ready to be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });

  // The session ended during the call: send the form the plain way, which leads through sign-in and back.
  document.addEventListener("htmx:after:request", (event) => {
    const { sourceElement: pressed, response } = event.detail.ctx;
    if (response?.raw?.status === 401 && pressed.matches("button")) pressed.form.requestSubmit(pressed);
  });

  // After a choice the list is new: the focus goes to it, and not to the top of the page.
  document.addEventListener("htmx:after:swap", (event) => {
    const pressed = document.activeElement;
    if (pressed && pressed !== document.body) return;
    const list = document.getElementById("service_ids");
    if (list) list.focus();
  });
})();
