// ChatBox of today, with the libraries that are in it, as its requests and retries are described:
// docs/chatbox.md says for which versions. Prints what it saw, check case by check case.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  embedMany,
  extractReasoningMiddleware,
  generateText,
  jsonSchema,
  stepCountIs,
  streamText,
  tool,
  wrapLanguageModel,
} from "ai";
import { createRetryable, isErrorAttempt } from "ai-retry";
import { PICTURE, address, fragile, key, observe, thrown, withKey } from "./observed.mjs";

// Without a field for a key: this is what it sends, whatever the server.
const OLLAMA_KEY = "ollama";
const ATTEMPTS = 5;
// A second and then twice as long in the app; the pauses are not what is looked at here.
const FIRST_PAUSE_MS = 1;
const WEATHER = tool({
  description: "The weather of a city",
  inputSchema: jsonSchema({
    type: "object",
    required: ["city"],
    properties: { city: { type: "string" } },
  }),
  execute: async ({ city }) => `Rain in ${city}`,
});

// What a person types as the address becomes this (rules of the current versions).
function normalised(typed, path = "") {
  let host = typed.trim().replace(/\/$/, "");
  let below = path.trim();
  if (below && !below.startsWith("/")) below = `/${below}`;
  if (!/^https?:\/\//.test(host)) host = `https://${host}`;
  if (host.endsWith("/chat/completions")) {
    below = "/chat/completions";
    host = host.slice(0, -below.length);
  }
  if (!below && !host.endsWith("/v1")) host = `${host}/v1`;
  return { host, path: below || "/chat/completions" };
}

class App {
  constructor(typed, { apiKey = OLLAMA_KEY, path = "" } = {}) {
    this.place = normalised(typed, path);
    this.apiKey = apiKey;
    this.calls = [];
  }

  fetch = async (input, init) => {
    const url = String(input);
    const sent = url.replace(/\/chat\/completions$/, this.place.path);
    const call = { url: sent, body: init?.body ? JSON.parse(init.body) : null };
    this.calls.push(call);
    const response = await fetch(sent, init);
    call.status = response.status;
    call.retryAfter = response.headers.get("retry-after");
    return response;
  };

  get provider() {
    return createOpenAICompatible({
      name: "chatbox",
      apiKey: this.apiKey,
      baseURL: this.place.host,
      fetch: this.fetch,
    });
  }

  model(id) {
    const model = wrapLanguageModel({
      model: this.provider.chatModel(id),
      middleware: extractReasoningMiddleware({ tagName: "think" }),
    });
    const again = { model, maxAttempts: ATTEMPTS, delay: FIRST_PAUSE_MS, backoffFactor: 2 };
    const isServers = (error) => APICallError.isInstance(error) && error.statusCode >= 500;
    return createRetryable({
      model,
      retries: [
        ({ current }) => (isErrorAttempt(current) && isServers(current.error) ? again : undefined),
      ],
    });
  }

  // Swallows what goes wrong, as the app does: it only says that fetching failed.
  async models() {
    const response = await fetch(`${this.place.host}/models`, {
      headers: { Authorization: `Bearer ${this.apiKey}`, "Content-Type": "application/json" },
    });
    const body = await response.json();
    return { status: response.status, ids: (body.data ?? []).map((model) => model.id), body };
  }

  async ask(id, content, more = {}) {
    const messages = [{ role: "user", content }];
    const result = streamText({
      model: this.model(id),
      messages,
      maxRetries: 0,
      onError: () => {},
      ...more,
    });
    const shown = { text: "", reasoning: "", kinds: [], calls: [], errors: [], finish: null };
    for await (const part of result.fullStream) {
      show(part, shown);
    }
    return { ...shown, requests: this.calls };
  }
}

function show(part, shown) {
  if (shown.kinds.at(-1) !== part.type) shown.kinds.push(part.type);
  if (part.type === "text-delta") shown.text += part.text;
  if (part.type === "reasoning-delta") shown.reasoning += part.text;
  if (part.type === "tool-call") shown.calls.push({ name: part.toolName, input: part.input });
  if (part.type === "error") shown.errors.push(described(part.error));
  if (part.type === "finish") {
    shown.finish = { reason: part.finishReason, usage: part.totalUsage };
  }
}

function described(error) {
  return {
    message: String(error?.message ?? error),
    status: error?.statusCode ?? null,
    body: error?.responseBody ?? null,
  };
}

const picture = [
  { type: "text", text: "What is in this picture?" },
  { type: "image", image: Buffer.from(PICTURE, "base64"), mediaType: "image/png" },
];

// "Check" in its settings: a greeting, a picture, a call. Anything but an error has passed.
async function verdicts(id) {
  const passed = async (content, more) => {
    const said = await new App(withKey).ask(id, content, more);
    return { passed: said.errors.length === 0, errors: said.errors };
  };
  return {
    text: await passed("Hi"),
    vision: await passed(picture),
    tools: await passed("What is the weather in Paris?", { tools: { get_weather: WEATHER } }),
  };
}

// Somebody else's answers, so many that the next one must wait outside.
async function crowd(count) {
  const ending = new AbortController();
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  const enter = async (at) => {
    // Each its own words: the same again from one person would share one answer.
    const messages = [{ role: "user", content: `Hold on, and tell me ${at} things` }];
    const body = JSON.stringify({ model: "kind:1b", stream: true, messages });
    const request = { method: "POST", headers, signal: ending.signal, body };
    const response = await fetch(`${address}/v1/chat/completions`, request);
    if (response.status === 200) return response;
    // The first ones are not yet known to have begun: she came too early.
    await response.text();
    return enter(at);
  };
  const held = await Promise.all(Array.from({ length: count }, (_, at) => enter(at)));
  const leave = () => {
    // Until now: the body of a response that nobody holds is given up, and so is its place.
    held.length = 0;
    ending.abort();
  };
  return leave;
}

await observe({
  "case 12": async () => ({
    placeholder: await new App(withKey).models(),
    wrong: await new App(`${address}/v1`, { apiKey: `pk_${"w".repeat(43)}` }).models(),
  }),
  "case 13": () => new App(withKey).ask("kind:1b", "What is the capital of France?"),
  "case 14": async () => {
    const app = new App(withKey);
    const { text, usage } = await generateText({
      model: app.model("kind:1b"),
      messages: [{ role: "user", content: "What is the capital of France?" }],
      maxRetries: 0,
    });
    return { text, usage, sent: app.calls[0].body };
  },
  "case 15": async () => ({
    tags: await new App(withKey).ask("thinker:1b", "Think about Paris"),
    halfOpen: await new App(withKey).ask("half-open:1b", "Ponder Paris"),
  }),
  "case 16": () =>
    new App(withKey).ask("thinker:1b", "What is the weather in Paris?", {
      tools: { get_weather: WEATHER },
      toolChoice: "auto",
      stopWhen: stepCountIs(5),
    }),
  "case 17": async () => ({
    plain: await verdicts("kind:1b"),
    seer: await verdicts("seer:1b"),
    thinker: await verdicts("thinker:1b"),
  }),
  "case 19, too long": () => new App(withKey).ask("kind:1b", "word ".repeat(40_000)),
  "case 20": () => new App(withKey).ask(fragile, "Die in the middle"),
  "case 21": async () => {
    const app = new App(withKey);
    const { embeddings } = await embedMany({
      model: app.provider.textEmbeddingModel("embedder:1b"),
      values: Array.from({ length: 500 }, (_, at) => "a".repeat(1 + at) + "b"),
      maxRetries: 0,
    });
    return { embeddings, formats: app.calls.map((call) => call.body.encoding_format) };
  },
  "case 22": async () => ({
    typed: await new App(address, { apiKey: key, path: "/v1/chat/completions" }).ask(
      "kind:1b",
      "What is the capital of France?",
    ),
    list: await new App(address, { apiKey: key, path: "/v1/chat/completions" }).models(),
    old: await new App(address, { apiKey: key, path: "/chat/completions" }).ask(
      "kind:1b",
      "What is the capital of France?",
    ),
  }),
  stop: async () => {
    const stopping = new AbortController();
    const app = new App(withKey);
    const result = streamText({
      model: app.model("kind:1b"),
      messages: [{ role: "user", content: "Hold on, and tell me everything" }],
      maxRetries: 0,
      abortSignal: stopping.signal,
      onError: () => {},
    });
    let text = "";
    const threw = await thrown(
      (async () => {
        for await (const part of result.fullStream) {
          if (part.type === "text-delta") {
            text += part.text;
            stopping.abort();
          }
        }
      })(),
    );
    return { hasBegun: text !== "", threw };
  },
  "case 19, too much": async () => {
    const leave = await crowd(Number(process.env.PORTAL_CROWD));
    try {
      return await new App(withKey).ask("kind:1b", "Hi");
    } finally {
      leave();
    }
  },
});
