"use strict";
(() => {
  // A link into something folded opens it, and so does printing.
  function open() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    const own = target.querySelector(":scope.folded > details");
    if (own) own.open = true;
    target.scrollIntoView();
  }
  window.addEventListener("hashchange", open);
  if (location.hash) open();
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
  });

  const viewer = document.getElementById("viewer");
  if (!viewer) return;
  const slider = viewer.querySelector("input[type=range]");
  const readout = viewer.querySelector("output");
  const steps = slider.dataset.steps.split(",").map(Number);
  const jobs = [...viewer.querySelectorAll("figure")];

  function showStep() {
    const step = steps[slider.value];
    readout.textContent = step.toLocaleString("en-US");
    slider.setAttribute("aria-valuetext", "step " + step);
    for (const job of jobs) {
      let shown = null;
      for (const image of job.querySelectorAll("img")) {
        image.hidden = true;
        if (Number(image.dataset.step) <= step) shown = image;
      }
      const at = job.querySelector(".at");
      if (shown) shown.hidden = false;
      at.textContent = !shown ? (job.querySelector("img") ? "no samples yet" : "no samples") : Number(shown.dataset.step) === step ? ""
        : "still at step " + Number(shown.dataset.step).toLocaleString("en-US");
    }
  }

  function showSeed(seed) {
    for (const job of jobs) job.classList.toggle("other", job.dataset.seed !== seed);
  }

  slider.addEventListener("input", showStep);
  for (const choice of viewer.querySelectorAll("input[name=seed]")) {
    choice.addEventListener("change", () => showSeed(choice.value));
    if (choice.checked) showSeed(choice.value);
  }
  viewer.querySelector(".controls").hidden = false;
  showStep();
})();
