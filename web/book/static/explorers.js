/* Explorers in the book. The pictures of an explorer lie in a file of their own, which is loaded when a pointer, a
   finger or the keyboard comes to the explorer, so that who only reads does not wait for them; then `explore`, the
   explorers' own function above, starts. The file is a script because a page that was opened from a folder may load
   nothing else. */
document.addEventListener("DOMContentLoaded", () => {
  function load(root) {
    if (!root.dataset.pictures) return;
    const script = document.createElement("script");
    script.src = root.dataset.pictures;
    script.pictures = (data) => start(root, data);
    root.removeAttribute("data-pictures");
    document.head.append(script);
  }

  function start(root, data) {
    const held = document.createElement("script");
    held.type = "application/json";
    held.textContent = data;
    const moved = root.moved && [root.moved.checked, root.moved.value];
    root.append(held);
    explore(root);
    if (moved) {                                   // it was moved while its pictures were on their way
      [root.moved.checked, root.moved.value] = moved;
      root.moved.dispatchEvent(new Event("input", { bubbles: true }));
    }
    root.dataset.ready = "";
  }

  document.querySelectorAll(".rlx").forEach((root) => {
    for (const touch of ["pointerenter", "focusin"]) root.addEventListener(touch, () => load(root), { once: true });
    root.addEventListener("input", (event) => {
      if ("ready" in root.dataset) return;
      root.moved = event.target;
      load(root);
    });
  });
});
