// The npm package `openai` at its ordinary work. Prints what it saw; pytest judges.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { PICTURE, address, collected, fragile, key, observe, thrown } from "./observed.mjs";

const client = signedIn(key);
const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city",
    parameters: { type: "object", required: ["city"], properties: { city: { type: "string" } } },
  },
};

function signedIn(secret, more = {}) {
  return new OpenAI({ baseURL: `${address}/v1`, apiKey: secret, maxRetries: 0, ...more });
}

function asked(content, more = {}) {
  return { model: "kind:1b", messages: [{ role: "user", content }], ...more };
}

await observe({
  list: async () => (await collected(await client.models.list())).map((model) => model.id),
  retrieve: async () => (await client.models.retrieve("kind:1b")).id,
  chat: () => client.chat.completions.create(asked("What is the capital of France?")),
  stream: async () =>
    collected(
      await client.chat.completions.create(
        asked("Greet the world", { stream: true, stream_options: { include_usage: true } }),
      ),
    ),
  "tools, by themselves": async () => {
    const tool = {
      type: "function",
      function: {
        ...WEATHER.function,
        parse: JSON.parse,
        function: ({ city }) => `Rain in ${city}`,
      },
    };
    const runner = client.chat.completions.runTools({
      ...asked("What is the weather in Paris?", { model: "thinker:1b" }),
      tools: [tool],
    });
    const answer = await runner.finalContent();
    return { answer, roles: runner.messages.map((message) => message.role) };
  },
  "tools, streamed": async () => {
    const runner = client.chat.completions.stream(
      asked("What is the weather in Paris?", { model: "thinker:1b", tools: [WEATHER] }),
    );
    const final = await runner.finalChatCompletion();
    return final.choices[0];
  },
  thinking: async () => {
    const request = asked("Think about Paris", { model: "thinker:1b", reasoning_effort: "high" });
    return (await client.chat.completions.create(request)).choices[0].message;
  },
  structured: async () => {
    const shape = z.object({ city: z.string(), people: z.number() });
    const completion = await client.chat.completions.parse(
      asked("Tell me of Paris as JSON", { response_format: zodResponseFormat(shape, "facts") }),
    );
    return completion.choices[0].message.parsed;
  },
  images: async () => {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${PICTURE}` } },
    ];
    const request = { model: "seer:1b", messages: [{ role: "user", content }] };
    return (await client.chat.completions.create(request)).choices[0].message.content;
  },
  // Asks for base64 by itself, and turns it back into numbers.
  embeddings: () => client.embeddings.create({ model: "embedder:1b", input: ["one", "two"] }),
  "a model that is not there": () =>
    thrown(client.chat.completions.create({ ...asked("Hi"), model: "nobody" })),
  "a key that is none": () => thrown(signedIn("pk_nothing").models.list()),
  "broken in the middle": async () => {
    const said = [];
    const threw = await thrown(
      (async () => {
        const stream = await client.chat.completions.create(
          asked("Break in the middle", { model: fragile, stream: true }),
        );
        for await (const chunk of stream) {
          said.push(chunk.choices[0]?.delta?.content ?? "");
        }
      })(),
    );
    return { said: said.join(""), threw };
  },
  cancel: async () => {
    const stream = await client.chat.completions.create(
      asked("Hold on, and tell me everything", { stream: true }),
    );
    let hasBegun = false;
    for await (const chunk of stream) {
      if (chunk.choices[0].delta.content) {
        hasBegun = true;
        stream.controller.abort();
      }
    }
    return { hasBegun };
  },
});
