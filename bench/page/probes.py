"""What watches the page from inside while it is measured. Judges nothing."""

# A frame counts as drawn when the first task behind it runs: style, layout and paint are done then.
WATCH = """
(() => {
  const bench = (window.bench = { keys: [], events: [], stalls: [] });
  const drawn = () => new Promise((resolve) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(performance.now());
    port2.postMessage(0);
  }));
  const until = async (holds) => {
    while (!holds()) await new Promise(requestAnimationFrame);
    return drawn();
  };
  const box = () => document.querySelector("form.composer textarea");
  bench.typing = until(() => box()?.disabled === false);

  let pressedAt = null;
  addEventListener("keydown", (event) => { pressedAt = event.timeStamp; }, true);
  addEventListener("input", () => {
    const since = pressedAt;
    pressedAt = null;
    if (since !== null) void drawn().then((at) => bench.keys.push(at - since));
  }, true);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.name === "keydown" || entry.name === "keypress") bench.events.push(entry.duration);
    }
  }).observe({ type: "event", durationThreshold: 16 });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) bench.stalls.push(entry.duration);
  }).observe({ type: "longtask" });

  const isSeen = (words) => {
    const prose = [...document.querySelectorAll("article .prose")].at(-1);
    const edge = prose?.getBoundingClientRect();
    return prose?.textContent.includes(words) && edge.bottom > 0 && edge.top < innerHeight;
  };
  // From the press on what leads there until the last answer, with these words, is on the screen.
  bench.opening = (words) => new Promise((resolve) => {
    addEventListener("click", async (event) => {
      resolve((await until(() => isSeen(words))) - event.timeStamp);
    }, { capture: true, once: true });
  });
  bench.seen = (words) => until(() => isSeen(words));
  // Up to the first question, as fast as it comes.
  bench.goBack = async () => {
    const begun = performance.now();
    const scroller = document.querySelector(".scroller");
    await until(() => {
      scroller.scrollTop = 0;
      return document.querySelector(".earlier") === null;
    });
    return performance.now() - begun;
  };
})();
"""
# How many turns are drawn whole: the others keep their height only.
DRAWN = "document.querySelectorAll('article').length"
