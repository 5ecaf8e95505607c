// The openai SDK of npm: every route, streams and a session by voice. Prints what it saw as JSON.
import OpenAI, { toFile } from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { readFileSync } from "node:fs";
const [url, file] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "k".repeat(24) });
const out = {};
out.models = (await client.models.list()).data.map((m) => m.job);
const sound = readFileSync(file);
out.transcript = (await client.audio.transcriptions.create({ model: "whisper-1", file: await toFile(sound, "a.wav") })).text;
const stream = await client.audio.transcriptions.create({ model: "whisper-1", file: await toFile(sound, "a.wav"), stream: true });
out.streamed = [];
for await (const event of stream) out.streamed.push(event.type);
out.speech = (await (await client.audio.speech.create({ model: "tts-1", voice: "alloy", input: "It is noon.", response_format: "pcm" })).arrayBuffer()).byteLength;
const chat = await client.chat.completions.create({ model: "any", messages: [{ role: "user", content: "Hi" }] });
out.chat = chat.choices[0].message.content;
out.deltas = "";
for await (const chunk of await client.chat.completions.create({ model: "any", messages: [{ role: "user", content: "Hi" }], stream: true })) out.deltas += chunk.choices[0]?.delta?.content ?? "";
try { await client.chat.completions.create({ model: "any", messages: [] }); } catch (error) { out.refused = error.status; }
const realtime = new OpenAIRealtimeWS({ model: "vita" }, client);
out.realtime = await new Promise((resolve, reject) => {
  const seen = [];
  realtime.on("error", reject);
  realtime.on("event", (event) => {
    seen.push(event.type);
    if (event.type === "session.created") {
      realtime.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] } });
      realtime.send({ type: "response.create" });
    }
    if (event.type === "response.done") { realtime.close(); resolve([...new Set(seen)]); }
  });
});
console.log(JSON.stringify(out));
