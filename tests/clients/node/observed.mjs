// Runs steps one after the other and prints what came of each, as one JSON object.
// What a step throws is a result like any other. Not for judging: pytest does that.

export const address = process.env.PORTAL_ADDRESS;
export const key = process.env.PORTAL_KEY;
export const withKey = process.env.PORTAL_ADDRESS_WITH_KEY;
export const managerKey = process.env.PORTAL_MANAGER_KEY;
export const fragile = process.env.PORTAL_FRAGILE;
export const registry = process.env.PORTAL_REGISTRY;

export async function observe(steps) {
  const seen = {};
  for (const [name, step] of Object.entries(steps)) {
    try {
      seen[name] = { gave: (await step()) ?? null };
    } catch (error) {
      seen[name] = { threw: told(error) };
    }
  }
  // Connections that are kept for later would keep the program too.
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
}

export async function thrown(promise) {
  try {
    await promise;
  } catch (error) {
    return told(error);
  }
  return null;
}

export async function collected(parts) {
  const found = [];
  for await (const part of parts) {
    found.push(part);
  }
  return found;
}

export function told(error) {
  return {
    name: error?.constructor?.name ?? typeof error,
    message: String(error?.message ?? error),
    status: error?.status ?? error?.status_code ?? error?.statusCode ?? null,
    code: error?.code ?? null,
  };
}

// Two pixels by two, red; small enough to stand here.
export const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==";
