/** The page without a connection: looks as chosen, and leaves by itself once the portal is back. */

const LOOK_EVERY_MS = 5_000;

for (const name of ["theme", "contrast"]) {
  const chosen = new RegExp(`(?:^|; )${name}=(light|dark|more)`).exec(document.cookie)?.[1];
  if (chosen !== undefined) {
    document.documentElement.dataset[name] = chosen;
  }
}

async function look(): Promise<void> {
  try {
    const answer = await fetch("/favicon.ico", { cache: "no-store", credentials: "omit" });
    if (answer.ok) {
      window.location.reload();
    }
  } catch {
    // Not yet.
  }
}

window.setInterval(() => void look(), LOOK_EVERY_MS);
window.addEventListener("online", () => void look());
