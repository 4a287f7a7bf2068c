// The npm package `ollama` at its ordinary work. Prints what it saw; pytest judges.
import { Ollama } from "ollama";
import { PICTURE, address, collected, fragile, key, managerKey, observe, registry, thrown } from "./observed.mjs";

const client = signedIn(key);
const manager = signedIn(managerKey);
const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city",
    parameters: { type: "object", required: ["city"], properties: { city: { type: "string" } } },
  },
};

function signedIn(secret) {
  return new Ollama({ host: address, headers: { Authorization: `Bearer ${secret}` } });
}

function asked(content, more = {}) {
  return { model: "kind:1b", messages: [{ role: "user", content }], ...more };
}

await observe({
  list: async () => (await client.list()).models.map((model) => model.name),
  show: async () => {
    const { details, capabilities, modified_at } = await client.show({ model: "kind:1b" });
    return { family: details.family, capabilities, modified_at: String(modified_at) };
  },
  version: () => client.version(),
  chat: () => client.chat(asked("What is the capital of France?")),
  stream: async () =>
    collected(await client.chat(asked("Greet the world", { stream: true }))),
  generate: async () =>
    collected(
      await client.generate({
        model: "kind:1b",
        prompt: "What is the capital of France?",
        stream: true,
      }),
    ),
  tools: async () => {
    const messages = [{ role: "user", content: "What is the weather in Paris?" }];
    const request = { model: "thinker:1b", messages, tools: [WEATHER] };
    const first = await client.chat(request);
    messages.push(first.message, { role: "tool", content: "Rain", tool_name: "get_weather" });
    const second = await client.chat(request);
    return { calls: first.message.tool_calls, answer: second.message.content };
  },
  thinking: async () => {
    const request = asked("Think about Paris", { model: "thinker:1b", think: true, stream: true });
    const parts = await collected(await client.chat(request));
    return {
      thinking: parts.map((part) => part.message.thinking ?? "").join(""),
      content: parts.map((part) => part.message.content).join(""),
    };
  },
  structured: async () => {
    const format = {
      type: "object",
      required: ["city", "people"],
      properties: { city: { type: "string" }, people: { type: "integer" } },
    };
    const answer = await client.chat(asked("Tell me of Paris as JSON", { format }));
    return JSON.parse(answer.message.content);
  },
  images: async () => {
    const messages = [
      { role: "user", content: "What is this?", images: [Buffer.from(PICTURE, "base64")] },
    ];
    return (await client.chat({ model: "seer:1b", messages })).message.content;
  },
  embeddings: () => client.embed({ model: "embedder:1b", input: ["one", "two", "one"] }),
  loaded: async () => (await client.ps()).models.map((model) => model.name),
  create: async () =>
    collected(
      await manager.create({
        model: `${registry}/library/npm:1`,
        from: "kind:1b",
        system: "You are kind.",
        stream: true,
      }),
    ),
  push: async () =>
    collected(
      await manager.push({ model: `${registry}/library/npm:1`, insecure: true, stream: true }),
    ),
  delete: () => manager.delete({ model: `${registry}/library/npm:1` }),
  pull: async () =>
    collected(
      await manager.pull({ model: `${registry}/library/npm:1`, insecure: true, stream: true }),
    ),
  copy: async () => {
    await manager.copy({ source: "kind:1b", destination: "npm-copy:1" });
    await manager.delete({ model: "npm-copy:1" });
  },
  "a model that is not there": () => thrown(client.chat({ ...asked("Hi"), model: "nobody" })),
  "a key that is none": () => thrown(signedIn("pk_nothing").list()),
  "a model that does not think": () => thrown(client.chat(asked("Hi", { think: true }))),
  "broken in the middle": async () => {
    const said = [];
    const threw = await thrown(
      (async () => {
        for await (const part of await client.chat(asked("Break in the middle", { model: fragile, stream: true }))) {
          said.push(part.message.content);
        }
      })(),
    );
    return { said: said.join(""), threw };
  },
  cancel: async () => {
    const said = [];
    const stream = await client.chat(asked("Hold on, and tell me everything", { stream: true }));
    const threw = await thrown(
      (async () => {
        for await (const part of stream) {
          said.push(part.message.content);
          stream.abort();
        }
      })(),
    );
    return { hasBegun: said.length > 0, threw };
  },
});
